//! The binary itself: exit codes and what it says.

use std::net::TcpListener;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::serving::Serving;
use crate::support::{NUMBER, until};

/// Runs `prosaas` with nothing of this process's environment.
fn prosaas(directory: &TempDir, vars: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prosaas"))
        .args(arguments)
        .env_clear()
        .env("DATA_DIR", directory.path())
        .envs(vars.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_unknown_option_exits_with_2_and_says_so() {
    let directory = TempDir::new().unwrap();
    for arguments in [
        &["serve", "--fast"][..],
        &["levitate"],
        &[
            "admin",
            "business",
            "add",
            "--name",
            "x",
            "--phone",
            "0501234567",
        ],
    ] {
        let output = prosaas(&directory, &[], arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            text(&output.stderr).contains("error:"),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_bad_configuration_exits_with_1_and_lists_everything() {
    let directory = TempDir::new().unwrap();
    let output = prosaas(&directory, &[("PORT", "x"), ("HOST", "?")], &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("PORT:") && said.contains("HOST:"), "{said}");
    assert_eq!(
        prosaas(&directory, &[("PORT", "x")], &["doctor"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn a_port_in_use_is_said_in_a_sentence() {
    let directory = TempDir::new().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = prosaas(&directory, &[("PORT", &port)], &["serve"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains(&format!("port {port} on 127.0.0.1 is in use")),
        "{said}"
    );
}

#[test]
fn a_database_that_cannot_be_written_is_named() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    let url = format!("sqlite:{}/db", file.display());
    let output = prosaas(
        &directory,
        &[("DATABASE_URL", &url), ("PORT", "0")],
        &["serve"],
    );
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains(file.to_str().unwrap()) && said.contains("DATABASE_URL"),
        "{said}"
    );
}

#[test]
fn businesses_are_added_and_listed() {
    let directory = TempDir::new().unwrap();
    let add = [
        "admin",
        "business",
        "add",
        "--name",
        "מוסך דוד",
        "--phone",
        NUMBER,
        "--language",
        "he",
        "--transfer",
        "sales=+97239876543",
        "--record",
    ];
    let output = prosaas(&directory, &[], &add);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let listed = text(&prosaas(&directory, &[], &["admin", "business", "list"]).stdout);
    assert!(
        listed.contains("מוסך דוד") && listed.contains(NUMBER) && listed.starts_with("ten_"),
        "{listed}"
    );
    let twice = prosaas(&directory, &[], &add);
    assert_eq!(twice.status.code(), Some(1), "the number is taken");
}

#[tokio::test]
async fn serve_answers_and_a_signal_stops_it_with_0() {
    for signal in ["TERM", "INT"] {
        let directory = TempDir::new().unwrap();
        let model = ("OPENAI_REALTIME_URL", "ws://127.0.0.1:9/v1/realtime");
        let mut serving = Serving::start(directory.path(), &[model]).await;
        assert_eq!(serving.get("/health").await, Some(200));
        assert_eq!(serving.get("/webhook/incoming_call").await, Some(405));
        serving.signal(signal);
        let status = until("it stops", async || serving.ended()).await;
        assert_eq!(status.code(), Some(0), "after SIG{signal}");
        let log = serving.log();
        for line in log.lines() {
            assert!(
                serde_json::from_str::<serde_json::Value>(line).is_ok(),
                "not JSON: {line}"
            );
        }
        assert!(log.contains("TWILIO_AUTH_TOKEN is not set"), "{log}");
    }
}
