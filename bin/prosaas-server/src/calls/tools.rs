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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaveLead {
    name: Option<String>,
    intent: Option<String>,
    summary: Option<String>,
    next_step: Option<String>,
    notes: Option<String>,
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

    async fn act(&self, context: &CallContext, request: &ToolRequest) -> ToolReply {
        match request.name.as_str() {
            SAVE_LEAD => self.save_lead(context, &request.arguments).await,
            TRANSFER_TO_HUMAN => self.transfer(&request.arguments),
            END_CALL => match parse::<EndCall>(&request.arguments) {
                Ok(_) => done(AfterTool::EndCall),
                Err(reply) => reply,
            },
            _ => ToolReply::refusal("there is no such tool"),
        }
    }

    async fn save_lead(&self, context: &CallContext, arguments: &str) -> ToolReply {
        let said: SaveLead = match parse(arguments) {
            Ok(said) => said,
            Err(reply) => return reply,
        };
        let draft = LeadDraft {
            name: said.name,
            intent: said.intent,
            summary: said.summary,
            next_step: said.next_step,
            notes: said.notes,
        }
        .cleaned();
        if draft == LeadDraft::default() {
            return ToolReply::refusal("nothing to save: give at least one field");
        }
        match self
            .store
            .save_lead(context.tenant, context.call, draft)
            .await
        {
            Ok(_) => done(AfterTool::Continue),
            Err(error) => {
                tracing::error!(error = %error.chain(), "the agent's lead could not be stored");
                ToolReply::refusal("this could not be saved right now; go on with the call")
            }
        }
    }

    /// Only a label selects: whatever else the model writes, a number above all, is refused.
    fn transfer(&self, arguments: &str) -> ToolReply {
        let wanted: TransferToHuman = match parse(arguments) {
            Ok(wanted) => wanted,
            Err(reply) => return reply,
        };
        let label = wanted.to.trim();
        match self
            .business
            .transfer
            .iter()
            .find(|target| target.label == label)
        {
            Some(target) => done(AfterTool::Transfer(target.number.clone())),
            None => ToolReply::refusal(
                "nobody can be reached under that name; only the listed names work",
            ),
        }
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
        let reply = self.act(context, &request).await;
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
