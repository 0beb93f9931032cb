//! The server as Twilio and an operator see it: real sockets on loopback, a real database file, signed
//! requests, and a scripted model.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod admission;
mod answering;
mod budget;
mod call_whatsapp;
mod callbacks;
mod canaries;
mod cli;
mod commands;
mod console;
mod conversation;
mod doctor;
mod fake_model;
mod full;
mod hygiene;
mod kills;
mod live;
mod missed;
mod operator;
mod outage;
mod phone;
mod push;
mod reconcile;
mod rungs;
mod streams;
mod support;
mod talk;
mod tools;
mod twilio_set_up;
mod upkeep;
mod whatsapp;
mod whatsapp_cloud;
mod whatsapp_files;
mod whatsapp_pace;
