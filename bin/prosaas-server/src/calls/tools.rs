//! The tools an agent may use during a call.
//!
//! The model names a tool and writes arguments; both are hostile until parsed. Which business and which
//! caller a tool acts for comes from the call, and a call is only ever transferred to a number on the
//! business's own list, so a model that obeys the caller can do nothing the caller could not.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{
    AfterTool, Business, CallContext, LeadDraft, TenantStore, ToolHost, ToolReply, ToolRequest,
    ToolSpec,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Mutex;

/// The name of the tool that stores what is known about the caller.
pub const SAVE_LEAD: &str = "save_lead";
/// The name of the tool that hands the call to a person.
pub const TRANSFER_TO_HUMAN: &str = "transfer_to_human";
/// The name of the tool that ends the call.
pub const END_CALL: &str = "end_call";

/// The longest arguments that are parsed, in bytes.
const MAX_ARGUMENTS: usize = 16 * 1024;
/// The most tool calls that one phone call may make; more are refused.
const MAX_TOOL_CALLS: usize = 100;

/// What the model is told it may use for this business.
pub fn specs(business: &Business) -> Vec<ToolSpec> {
    let field = |what: &str| json!({ "type": "string", "description": what });
    let object = |properties: serde_json::Value, required: &[&str]| {
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    };
    let mut specs = vec![
        ToolSpec {
            name: SAVE_LEAD,
            description:
                "Stores what is known about the caller so far. Leave out what you do not know; \
                          what was stored before stays."
                    .to_owned(),
            parameters: object(
                json!({
                    "name": field("The caller's name as they gave it."),
                    "intent": field("What the caller wants, in a few words."),
                    "summary": field("What the call is about, in a few sentences."),
                    "next_step": field("What somebody should do next."),
                    "notes": field("Anything else worth keeping."),
                }),
                &[],
            ),
        },
        ToolSpec {
            name: END_CALL,
            description: "Ends the call. Say goodbye first.".to_owned(),
            parameters: object(
                json!({ "reason": field("Why the call ends, in a few words.") }),
                &[],
            ),
        },
    ];
    if !business.transfer.is_empty() {
        let labels: Vec<&str> = business
            .transfer
            .iter()
            .map(|target| target.label.as_str())
            .collect();
        specs.push(ToolSpec {
            name: TRANSFER_TO_HUMAN,
            description: "Connects the caller to a person of this business.".to_owned(),
            parameters: object(
                json!({ "to": { "type": "string", "enum": labels, "description": "Whom to connect." } }),
                &["to"],
            ),
        });
    }
    specs
}

/// What the model asked for, once its words were understood. Holds no number, no tenant and no caller:
/// a model cannot name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Keep this about the caller.
    SaveLead(LeadDraft),
    /// Connect the caller to whoever has this label.
    Transfer(String),
    /// End the call.
    EndCall,
}

/// Reads a tool call of the model.
///
/// # Errors
/// The answer for the model, when there is no such tool, or its arguments are not exactly those of it.
pub fn read(name: &str, arguments: &str) -> Result<Asked, ToolReply> {
    match name {
        SAVE_LEAD => {
            let draft = LeadDraft::from(parse::<SaveLead>(arguments)?).cleaned();
            if draft == LeadDraft::default() {
                return Err(ToolReply::refusal(
                    "nothing to save: give at least one field",
                ));
            }
            Ok(Asked::SaveLead(draft))
        }
        TRANSFER_TO_HUMAN => Ok(Asked::Transfer(
            parse::<TransferToHuman>(arguments)?.to.trim().to_owned(),
        )),
        END_CALL => parse::<EndCall>(arguments).map(|_| Asked::EndCall),
        _ => Err(ToolReply::refusal("there is no such tool")),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaveLead {
    name: Option<String>,
    intent: Option<String>,
    summary: Option<String>,
    next_step: Option<String>,
    notes: Option<String>,
}

impl From<SaveLead> for LeadDraft {
    fn from(said: SaveLead) -> Self {
        Self {
            name: said.name,
            intent: said.intent,
            summary: said.summary,
            next_step: said.next_step,
            notes: said.notes,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferToHuman {
    to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndCall {
    #[serde(rename = "reason")]
    _reason: Option<String>,
}

/// Runs the tools of one call.
pub struct CallTools {
    business: Arc<Business>,
    store: Arc<dyn TenantStore>,
    /// Replies by the vendor's id of the tool call. The lock is held while a tool runs, so two copies of
    /// one request cannot both act.
    answered: Mutex<HashMap<String, ToolReply>>,
}

impl std::fmt::Debug for CallTools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallTools")
            .field("tenant", &self.business.id)
            .finish_non_exhaustive()
    }
}

impl CallTools {
    /// The tools of one call of `business`.
    pub fn new(business: Arc<Business>, store: Arc<dyn TenantStore>) -> Self {
        Self {
            business,
            store,
            answered: Mutex::default(),
        }
    }

    async fn act(&self, context: &CallContext, asked: Asked) -> ToolReply {
        match asked {
            Asked::SaveLead(draft) => self.save_lead(context, draft).await,
            Asked::Transfer(label) => self.transfer(&label),
            Asked::EndCall => done(AfterTool::EndCall),
        }
    }

    async fn save_lead(&self, context: &CallContext, draft: LeadDraft) -> ToolReply {
        let saved = self
            .store
            .save_lead(context.tenant, context.call, draft)
            .await;
        if let Err(error) = saved {
            tracing::error!(error = %error.chain(), "the agent's lead could not be stored");
            return ToolReply::refusal("this could not be saved right now; go on with the call");
        }
        done(AfterTool::Continue)
    }

    /// The number comes from the business's list; a label that is not on it reaches nobody.
    fn transfer(&self, label: &str) -> ToolReply {
        let target = self
            .business
            .transfer
            .iter()
            .find(|target| target.label == label);
        target.map_or_else(
            || {
                ToolReply::refusal(
                    "nobody can be reached under that name; only the listed names work",
                )
            },
            |target| done(AfterTool::Transfer(target.number.clone())),
        )
    }
}

#[async_trait]
impl ToolHost for CallTools {
    async fn run(&self, context: &CallContext, request: ToolRequest) -> ToolReply {
        if context.tenant != self.business.id {
            tracing::error!("a tool was asked for by a call of another business; refused");
            return ToolReply::refusal("this tool is not available in this call");
        }
        let mut answered = self.answered.lock().await;
        if let Some(reply) = answered.get(&request.call) {
            return reply.clone();
        }
        if answered.len() >= MAX_TOOL_CALLS {
            return ToolReply::refusal("too many tool calls in this call");
        }
        let reply = match read(&request.name, &request.arguments) {
            Ok(asked) => self.act(context, asked).await,
            Err(refusal) => refusal,
        };
        answered.insert(request.call, reply.clone());
        reply
    }
}

fn done(then: AfterTool) -> ToolReply {
    ToolReply {
        output: json!({ "ok": true }).to_string(),
        then,
    }
}

/// Parses arguments into exactly the fields a tool has. A list would also fill a struct by position,
/// so only an object is accepted.
fn parse<T: DeserializeOwned>(arguments: &str) -> Result<T, ToolReply> {
    if arguments.len() > MAX_ARGUMENTS {
        return Err(ToolReply::refusal("the arguments are too long"));
    }
    if !arguments.trim_start().starts_with('{') {
        return Err(ToolReply::refusal("the arguments must be a JSON object"));
    }
    serde_json::from_str(arguments).map_err(|_| {
        ToolReply::refusal("the arguments are not those of this tool; read its schema")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_words(name in "[a-z_]{0,20}|save_lead|transfer_to_human|end_call", arguments in ".{0,200}") {
            if let Err(refusal) = read(&name, &arguments) {
                prop_assert_eq!(&refusal.then, &AfterTool::Continue);
                prop_assert!(refusal.output.contains("error"));
            }
        }

        #[test]
        fn an_unknown_field_is_never_accepted(field in "[a-z_]{1,12}", value in "[^\"\\\\\\PC]{0,20}") {
            let known = ["name", "intent", "summary", "next_step", "notes"];
            prop_assume!(!known.contains(&field.as_str()));
            let arguments = format!(r#"{{"name":"x","{field}":"{value}"}}"#);
            prop_assert!(read(SAVE_LEAD, &arguments).is_err());
        }
    }
}
