//! Logging: structured lines, one call id per line, and nothing personal in them.

use std::io;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, FilterFn, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use crate::config::{LogConfig, LogFormat};

/// Sends log lines to standard error from here on.
///
/// # Errors
/// When a subscriber was installed before.
pub fn install(config: &LogConfig) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    tracing::subscriber::set_global_default(subscriber(config, io::stderr))
}

/// A subscriber that writes what `config` asks for to `writer`. Public for tests that read the lines.
pub fn subscriber<W>(config: &LogConfig, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let chosen: Targets = config
        .filter
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let filter = chosen.and(FilterFn::new(is_allowed));
    let lines = match config.format {
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(writer)
            .with_filter(filter)
            .boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(writer)
            .with_filter(filter)
            .boxed(),
    };
    Registry::default().with(lines)
}

/// Our own lines at any level; those of libraries from `INFO` on, since below it they print headers,
/// bodies and statements.
fn is_allowed(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("prosaas")
}

/// The span of one call: every line inside carries the call's id and nothing else of it.
#[macro_export]
macro_rules! call_span {
    ($call:expr) => {
        tracing::info_span!("call", call = %$call)
    };
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, act: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let config = LogConfig {
            format: LogFormat::Json,
            filter: filter.to_owned(),
        };
        tracing::subscriber::with_default(subscriber(&config, move || writer.clone()), act);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn libraries_stay_quiet_below_info() {
        let lines = logged("trace", || {
            tracing::trace!(target: "hyper::proto", "header: secret");
            tracing::info!(target: "hyper::proto", "listening");
            tracing::trace!(target: "prosaas_server::calls", "ours");
        });
        assert!(!lines.contains("secret") && lines.contains("listening") && lines.contains("ours"));
    }

    #[test]
    fn a_line_in_a_call_is_one_json_object_with_the_call_id() {
        let lines = logged("info", || {
            let span = call_span!("call_1");
            span.in_scope(|| tracing::info!(frames = 3, "answered"));
        });
        let line: serde_json::Value = serde_json::from_str(lines.trim()).unwrap();
        assert_eq!(line["span"]["call"], "call_1");
        assert_eq!(
            (&line["message"], &line["frames"]),
            (&"answered".into(), &3.into())
        );
    }
}
