//! The server as Twilio and an operator see it: real sockets on loopback, a real database file, signed
//! requests, and a scripted model.

mod answering;
mod callbacks;
mod cli;
mod conversation;
mod doctor;
mod hygiene;
mod operator;
mod streams;
mod support;
mod tools;
