//! The tools of an agent that somebody of the business tries out: they read as in a call and write nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use prosaas_core::{AfterTool, Business, CallContext, ToolHost, ToolReply, ToolRequest};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::TenantScope;
use serde_json::json;

use super::desk::{self, Desk};
use super::{Asked, MAX_TOOL_CALLS, asked, done, transfer};

/// What the model is told where a call would have written something.
pub(super) const NOTE: &str = "this is a rehearsal, nothing was written; go on as in a real call";

/// Runs the tools of one rehearsal.
pub struct RehearsalTools {
    business: Arc<Business>,
    scope: TenantScope,
    store: Arc<CrmStore>,
    used: AtomicUsize,
}

impl fmt::Debug for RehearsalTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RehearsalTools")
            .field("tenant", &self.business.id)
            .finish_non_exhaustive()
    }
}

impl RehearsalTools {
    /// The tools of `business`, for whoever `scope` is.
    pub fn new(business: Arc<Business>, scope: TenantScope, store: Arc<CrmStore>) -> Self {
        Self {
            business,
            scope,
            store,
            used: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl ToolHost for RehearsalTools {
    async fn run(&self, context: &CallContext, request: ToolRequest) -> ToolReply {
        if self.used.fetch_add(1, Ordering::Relaxed) >= MAX_TOOL_CALLS {
            return ToolReply::refusal("too many tool calls in this call");
        }
        let settings = match self.store.settings(&self.scope).await {
            Ok(settings) => settings,
            Err(error) => return desk::failed(&error),
        };
        let desk = Desk {
            store: &self.store,
            scope: &self.scope,
            context,
            settings: &settings,
        };
        match asked(&request, &settings.hours.time_zone, &settings.tools) {
            // The session ends as if the call was handed over; there is no phone that could ring.
            Ok(Asked::Transfer(label)) => transfer(&self.business, &label),
            Ok(Asked::EndCall) => done(AfterTool::EndCall),
            Ok(Asked::Availability(day)) => desk.availability(day).await,
            Ok(Asked::LookUp(question)) => desk.look_up(&question).await,
            Ok(Asked::Book(booking)) => desk.rehearse_booking(&booking).await,
            Ok(
                Asked::SaveLead(_)
                | Asked::CreateTask(_)
                | Asked::TakeMessage(_)
                | Asked::SendWhatsApp(_),
            ) => rehearsed(),
            Err(refusal) => refusal,
        }
    }
}

fn rehearsed() -> ToolReply {
    ToolReply {
        output: json!({ "ok": true, "note": NOTE }).to_string(),
        then: AfterTool::Continue,
    }
}
