//! The tools as the model is told about them.

use prosaas_core::{Business, ToolSpec};
use serde_json::{Value, json};

use super::asked::WhatsAppKind;
use crate::model::settings::VoiceTool;

/// Stores what is known about the caller.
pub const SAVE_LEAD: &str = "save_lead";
/// Hands the call to a person.
pub const TRANSFER_TO_HUMAN: &str = "transfer_to_human";
/// Ends the call.
pub const END_CALL: &str = "end_call";
/// What the model is told it may use for this business: what every call needs, and what it offers.
pub fn specs(business: &Business, offered: &[VoiceTool]) -> Vec<ToolSpec> {
    let mut specs = vec![save_lead()];
    specs.extend(offered.iter().copied().map(offered_spec));
    specs.push(end_call());
    if !business.transfer.is_empty() {
        specs.push(transfer(business));
    }
    specs
}

/// The tools of a chat, beside leaving it to a person: what every conversation needs, and what the business
/// offers.
pub fn chat(offered: &[VoiceTool]) -> Vec<ToolSpec> {
    // Who writes gets his answer in the chat.
    let is_for_chats = |tool: &VoiceTool| *tool != VoiceTool::SendWhatsapp;
    let offered = offered
        .iter()
        .copied()
        .filter(is_for_chats)
        .map(offered_spec);
    std::iter::once(save_lead()).chain(offered).collect()
}

fn field(what: &str) -> Value {
    json!({ "type": "string", "description": what })
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn tool(name: &'static str, description: &str, properties: &Value, required: &[&str]) -> ToolSpec {
    ToolSpec {
        name,
        description: description.to_owned(),
        parameters: object(properties, required),
    }
}

fn save_lead() -> ToolSpec {
    tool(
        SAVE_LEAD,
        "Stores what is known about the caller so far. Leave out what you do not know; what was stored \
         before stays.",
        &json!({
            "name": field("The caller's name as they gave it."),
            "intent": field("What the caller wants, in a few words."),
            "summary": field("What the call is about, in a few sentences."),
            "next_step": field("What somebody should do next."),
            "notes": field("Anything else worth keeping."),
        }),
        &[],
    )
}

fn end_call() -> ToolSpec {
    tool(
        END_CALL,
        "Ends the call. Say goodbye first.",
        &json!({ "reason": field("Why the call ends, in a few words.") }),
        &[],
    )
}

fn transfer(business: &Business) -> ToolSpec {
    let labels: Vec<&str> = business
        .transfer
        .iter()
        .map(|target| target.label.as_str())
        .collect();
    tool(
        TRANSFER_TO_HUMAN,
        "Connects the caller to a person of this business.",
        &json!({ "to": { "type": "string", "enum": labels, "description": "Whom to connect." } }),
        &["to"],
    )
}

fn offered_spec(offered: VoiceTool) -> ToolSpec {
    match offered {
        VoiceTool::CheckAvailability => tool(
            offered.as_str(),
            "Says which times are free for an appointment. Offer the caller two or three of them.",
            &json!({ "day": field("The day from which to look, such as 2026-11-24; left out for now.") }),
            &[],
        ),
        VoiceTool::BookAppointment => tool(
            offered.as_str(),
            "Books an appointment for the caller, at a time that check_availability named and the caller \
             agreed to.",
            &json!({
                "starts_at": field("The local time, such as 2026-11-24T16:00."),
                "title": field("What it is for, in a few words."),
                "notes": field("Anything the business should know before."),
            }),
            &["starts_at", "title"],
        ),
        VoiceTool::CreateTask => tool(
            offered.as_str(),
            "Has somebody of the business do something for the caller after the call.",
            &json!({
                "title": field("What to do, in a few words."),
                "details": field("What they need to know."),
                "due": field("By when, as local time such as 2026-11-24T16:00; left out when it can wait."),
            }),
            &["title"],
        ),
        VoiceTool::TakeMessage => tool(
            offered.as_str(),
            "Takes a message for the business. When you tell the caller that somebody calls back by a \
             time, give that time.",
            &json!({
                "message": field("The message, in the caller's words."),
                "recipient": field("For whom, if the caller named somebody."),
                "call_back_by": field("By when you said somebody calls back, as local time such as 2026-11-24T16:00."),
                "urgent": { "type": "boolean", "description": "Whether somebody should see it right now." },
            }),
            &["message"],
        ),
        VoiceTool::LookUpKnowledge => tool(
            offered.as_str(),
            "Looks up what the business wrote down, such as prices, services and directions. Answer from \
             what it finds and from nothing else.",
            &json!({ "question": field("What to look for, in a few words of the business's language.") }),
            &["question"],
        ),
        VoiceTool::SendWhatsapp => tool(
            offered.as_str(),
            "Sends the caller a WhatsApp while you speak, to the number they call from and to no other one. Use it \
             when they want something in writing and agreed to get it there. What they answer there during the \
             call, you are told.",
            &json!({
                "kind": {
                    "type": "string",
                    "enum": WhatsAppKind::ALL.map(WhatsAppKind::as_str),
                    "description": "What it is: where the business is, a link, or what was agreed.",
                },
                "text": field("What it says, in the caller's language, at most 600 characters. Only what the business told you."),
            }),
            &["kind", "text"],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_strict_schema_that_asks_for_no_identity() {
        for tool in VoiceTool::ALL {
            let spec = offered_spec(tool);
            assert_eq!(spec.name, tool.as_str());
            assert_eq!(spec.parameters["additionalProperties"], false);
            let properties = spec.parameters["properties"].as_object().unwrap();
            for property in properties.keys() {
                let is_identity = [
                    "id", "tenant", "lead", "phone", "number", "caller", "assignee",
                ]
                .contains(&property.as_str());
                assert!(!is_identity, "{tool}: {property}");
            }
            for required in spec.parameters["required"].as_array().unwrap() {
                assert!(properties.contains_key(required.as_str().unwrap()));
            }
        }
    }
}
