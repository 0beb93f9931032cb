//! What the servers of this test binary log.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use prosaas_server::config::{LogConfig, LogFormat};
use prosaas_server::telemetry;

/// What all servers of this test binary have logged. One subscriber for the process: with one per thread,
/// whichever test meets a log statement first decides for all whether it is enabled.
static LOG: OnceLock<Log> = OnceLock::new();

#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn keep_log() -> &'static Log {
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        let config = LogConfig {
            format: LogFormat::Json,
            filter: "trace".to_owned(),
        };
        let subscriber = telemetry::subscriber(&config, move || writer.clone());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    })
}

/// Every line logged so far, at every level.
pub(crate) fn logged() -> String {
    String::from_utf8(keep_log().0.lock().unwrap().clone()).unwrap()
}
