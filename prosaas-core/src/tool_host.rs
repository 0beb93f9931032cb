//! Running the tools a model asks for. The model names a tool and writes arguments; who the tenant
//! and the caller are comes from the call, never from the model.

use async_trait::async_trait;

use crate::id::{CallId, CallSid, TenantId};
use crate::phone::E164;

/// Whose call a tool runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallContext {
    /// The business.
    pub tenant: TenantId,
    /// The call.
    pub call: CallId,
    /// The carrier's id of the call.
    pub call_sid: CallSid,
    /// The caller; `None` when the number is withheld.
    pub caller: Option<E164>,
}

/// What the model asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRequest {
    /// The vendor's id of the tool call; the same id must not take effect twice.
    pub call: String,
    /// The tool's name as the model wrote it.
    pub name: String,
    /// The arguments as the model wrote them: hostile until parsed.
    pub arguments: String,
}

/// What the call does once the tool is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AfterTool {
    /// Go on talking.
    #[default]
    Continue,
    /// Let the agent say goodbye, then hang up.
    EndCall,
    /// Let the agent announce it, then hand the call to this number, which is on the business's list.
    Transfer(E164),
}

/// A tool's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolReply {
    /// JSON text for the model.
    pub output: String,
    /// What the call does next.
    pub then: AfterTool,
}

impl ToolReply {
    /// An answer that tells the model what went wrong, in words it may repeat to the caller.
    pub fn refusal(reason: &str) -> Self {
        Self {
            output: serde_json::json!({ "error": reason }).to_string(),
            then: AfterTool::Continue,
        }
    }
}

/// Runs tools for calls. Runs beside the audio path, under a deadline the call sets.
#[async_trait]
pub trait ToolHost: Send + Sync + 'static {
    /// Runs one tool. Never fails: what went wrong is an answer for the model.
    async fn run(&self, context: &CallContext, request: ToolRequest) -> ToolReply;
}

/// Offers no tools; every request is refused in words.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTools;

#[async_trait]
impl ToolHost for NoTools {
    async fn run(&self, _context: &CallContext, _request: ToolRequest) -> ToolReply {
        ToolReply::refusal("this business offers no tools")
    }
}
