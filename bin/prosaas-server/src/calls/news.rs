//! What happens in the calls of this process, told live to whoever watches, such as `prosaas demo`.
//!
//! Bounded and lossy on purpose: a watcher that is too slow misses news, and no call ever waits for one.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{AfterTool, CallContext, CallRecord, CallSid, ToolHost, ToolReply, ToolRequest};
use prosaas_realtime::session::CallUpdate;
use prosaas_realtime::shell::CallReport;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// How many news items wait for the slowest watcher.
const KEPT: usize = 1_024;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum News {
    /// A media socket began to carry the call at this moment; times in updates count from it.
    Began(Instant),
    /// The session said something.
    Update(CallUpdate),
    /// The agent used a tool.
    Tool {
        /// The tool's name as the model wrote it.
        name: String,
        /// What the call does next.
        then: AfterTool,
        /// Whether the tool did nothing and said so to the model.
        refused: bool,
    },
    /// The socket's part of the call is over.
    Ended(Arc<CallReport>),
}

/// One thing that happened in one call.
#[derive(Clone, Debug)]
pub struct CallNews {
    /// The carrier's id of the call.
    pub call: CallSid,
    /// What happened.
    pub news: News,
}

/// Where news of calls comes together. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct NewsDesk(broadcast::Sender<CallNews>);

impl Default for NewsDesk {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl fmt::Debug for NewsDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewsDesk")
            .field("watchers", &self.0.receiver_count())
            .finish()
    }
}

impl NewsDesk {
    /// News from here on, of all calls.
    pub fn watch(&self) -> broadcast::Receiver<CallNews> {
        self.0.subscribe()
    }

    /// Tells the watchers; costs nothing when there is none.
    pub(super) fn tell(&self, call: &CallSid, news: impl FnOnce() -> News) {
        if self.0.receiver_count() > 0 {
            let call = call.clone();
            let _ = self.0.send(CallNews { call, news: news() });
        }
    }

    /// Tells that a socket begins to carry a call.
    pub(super) fn began(&self, record: &CallRecord) {
        self.tell(&record.call.call_sid, || News::Began(Instant::now()));
    }

    /// `tools`, told about whenever one was used.
    pub(super) fn watched(&self, tools: Arc<dyn ToolHost>) -> Arc<dyn ToolHost> {
        let desk = self.clone();
        Arc::new(WatchedTools { tools, desk })
    }
}

/// Tools whose use is news.
struct WatchedTools {
    tools: Arc<dyn ToolHost>,
    desk: NewsDesk,
}

#[async_trait]
impl ToolHost for WatchedTools {
    async fn run(&self, context: &CallContext, request: ToolRequest) -> ToolReply {
        let name = request.name.clone();
        let reply = self.tools.run(context, request).await;
        self.desk.tell(&context.call_sid, || News::Tool {
            name,
            then: reply.then.clone(),
            refused: reply.output.starts_with(r#"{"error""#),
        });
        reply
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::tool_host::NoTools;
    use prosaas_core::{CallId, TenantId, UnixMillis};

    use super::*;

    #[tokio::test]
    async fn whoever_watches_hears_of_tools_and_refusals() {
        let desk = NewsDesk::default();
        let call_sid: CallSid = format!("CA{}", "1".repeat(32)).parse().unwrap();
        let context = CallContext {
            tenant: TenantId::mint(UnixMillis(1)),
            call: CallId::mint(UnixMillis(1)),
            call_sid: call_sid.clone(),
            caller: None,
        };
        let request = ToolRequest {
            call: "1".to_owned(),
            name: "save_lead".to_owned(),
            arguments: "{}".to_owned(),
        };
        let tools = desk.watched(Arc::new(NoTools));
        tools.run(&context, request.clone()).await;
        let mut watcher = desk.watch();
        tools.run(&context, request).await;
        let heard = watcher.try_recv().unwrap();
        assert_eq!(heard.call, call_sid);
        assert!(matches!(
            heard.news,
            News::Tool { name, refused: true, .. } if name == "save_lead"
        ));
        assert!(watcher.try_recv().is_err(), "what was before is not news");
    }
}
