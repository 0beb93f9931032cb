//! The commands that place calls and look at them afterwards: `demo`, `simulate call` and `replay`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use prosaas_realtime::audio::{g711, wav};
use prosaas_realtime::journal::script_of_journal;
use prosaas_server::commands::{Cli, Command, demo, replay, simulate};
use tempfile::TempDir;

use crate::support::Paper;

/// The command behind a line; what it needs of TLS is there.
fn command(line: &[&str]) -> Command {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Cli::parse_from(["prosaas"].iter().chain(line)).command
}

/// A second and a half of a tone between two silences, with its words.
fn clip(directory: &Path) -> PathBuf {
    let tone = |n: usize| {
        let loud = (4_000..16_000).contains(&n);
        let wave = (n as f64 * 0.4).sin() * 8_000.0;
        g711::encode(if loud { wave as i16 } else { 0 })
    };
    let audio: Vec<u8> = (0..24_000).map(tone).collect();
    let file = directory.join("caller.wav");
    std::fs::write(&file, wav::write_stereo(&audio, &audio)).unwrap();
    std::fs::write(file.with_extension("txt"), "קוראים לי דנה כהן.\n").unwrap();
    file
}

/// The only file below a directory whose name ends so.
fn file_below(directory: &Path, end: &str) -> PathBuf {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn replayed(file: &Path) -> (ExitCode, String) {
    let paper = Paper::default();
    let options = replay::Options {
        file: file.to_owned(),
        actions: false,
    };
    let code = replay::run(&options, &mut paper.ui()).unwrap();
    (code, paper.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_call_is_shown_leaves_its_lead_and_replays() {
    let directory = TempDir::new().unwrap();
    let (clip, data) = (clip(directory.path()), directory.path().join("data"));
    let line = [
        "demo",
        "--once",
        "--port",
        "0",
        "--caller",
        clip.to_str().unwrap(),
    ];
    let Command::Demo(options) = command(&line) else {
        panic!("not a demo")
    };
    let options = demo::Options {
        data_dir: data.clone(),
        ..options
    };
    let paper = Paper::default();
    let code = demo::demonstrate(&options, &mut paper.ui()).await.unwrap();
    let printed = paper.text();
    assert_eq!(code, ExitCode::SUCCESS, "{printed}");
    for part in [
        "agent    Hello, you have reached Levi Plumbing. How can I help?",
        "caller   קוראים לי דנה כהן.",
        "agent    [tool save_lead: done]",
        "agent    שמעתי: קוראים לי דנה כהן.",
        "barge-in               none",
        " 0 late, 0 ms of caller audio lost",
        "name                   דנה כהן",
        "caller                 +141****0123",
        "call.summarized",
        "e-mail                 owner@levi-plumbing.example",
    ] {
        assert!(printed.contains(part), "{part}\n{printed}");
    }
    assert!(!printed.contains("+14155550123"), "{printed}");
    let both_sides = std::fs::read(data.join("demo/call.wav")).unwrap();
    assert!(wav::read(&both_sides).unwrap().len() > 5 * 8_000);
    file_below(&data.join("recordings"), ".wav");

    let journal = file_below(&data.join("journals"), ".txt");
    let (code, text) = replayed(&journal);
    assert_eq!(code, ExitCode::SUCCESS, "{text}");
    assert!(text.contains("run the tool save_lead") && text.ends_with("are those of the call\n"));
    // A call in which the caller said something else.
    let events = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, events.replace("דנה", "רות")).unwrap();
    let (code, text) = replayed(&journal);
    assert_eq!(code, ExitCode::FAILURE, "{text}");
    assert!(text.contains("NOT those of the call"), "{text}");
    assert!(
        text.contains("the first difference lies between "),
        "{text}"
    );
    // The same call as a script, and one of which it is not true.
    let script = script_of_journal(events.as_bytes()).unwrap();
    let file = directory.path().join("script.txt");
    std::fs::write(&file, &script).unwrap();
    let (code, text) = replayed(&file);
    assert_eq!(code, ExitCode::SUCCESS, "{text}");
    std::fs::write(&file, script.replacen(" mark 0:1\n", " mark 0:9\n", 1)).unwrap();
    let (code, text) = replayed(&file);
    assert_eq!(code, ExitCode::FAILURE, "{text}");
    for part in [
        "the first difference is in line ",
        "expected  mark 0:9",
        "got       mark 0:1",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_journal_that_cannot_be_read_is_named_with_its_line() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("call.txt");
    let read = || {
        let options = replay::Options {
            file: file.clone(),
            actions: true,
        };
        let error = replay::run(&options, &mut Paper::default().ui()).unwrap_err();
        format!("{error:#}")
    };
    let name = file.display();
    assert!(
        read().starts_with(&format!("{name} cannot be read: ")),
        "{}",
        read()
    );
    std::fs::write(&file, "0 C {}\n").unwrap();
    assert!(
        read().starts_with(&format!("{name}: line 1 of the journal")),
        "{}",
        read()
    );
}

#[tokio::test]
async fn a_call_that_nobody_answers_fails() {
    // Bound and dropped: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{free}/webhook/incoming_call");
    let line = [
        "simulate",
        "call",
        "--url",
        &url,
        "--to",
        "+12025550142",
        "--auth-token",
        "t",
    ];
    let Command::Simulate(simulate::Command::Call(options)) = command(&line) else {
        panic!("not a simulated call")
    };
    let paper = Paper::default();
    let code = simulate::simulate(&options, &mut paper.ui()).await.unwrap();
    let printed = paper.text();
    assert_eq!(code, ExitCode::FAILURE);
    assert!(printed.contains("voice webhook: no answer"), "{printed}");
    assert!(
        printed.ends_with("1 of 1 calls did not end normally\n"),
        "{printed}"
    );

    let options = simulate::CallOptions {
        calls: 3,
        ..*options
    };
    let paper = Paper::default();
    simulate::simulate(&options, &mut paper.ui()).await.unwrap();
    assert!(
        paper
            .text()
            .ends_with("3 of 3 calls did not end normally\n"),
        "{}",
        paper.text()
    );
}
