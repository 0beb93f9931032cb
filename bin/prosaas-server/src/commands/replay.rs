//! `prosaas replay`: a call once more, from its journal or as a script.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use prosaas_core::leg::BYTES_PER_MS;
use prosaas_core::time::CallTime;
use prosaas_realtime::journal::{Difference, Divergence, Replay, first_difference, replay};
use prosaas_realtime::session::{Action, Actions};

use super::demo::print::seconds;
use crate::ui::{Style, Ui, printable};

/// What is replayed.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The journal, such as data/journals/TENANT/CALL.txt, or a script such as those of testdata/calls.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print every action; without it, audio and marks are only counted.
    #[arg(long)]
    pub actions: bool,
}

/// Replays a journal or a script; success when the session does what it did in the call.
///
/// # Errors
/// Names the file, and the line that cannot be read.
pub fn run(options: &Options, ui: &mut Ui) -> anyhow::Result<ExitCode> {
    let name = options.file.display();
    let file = File::open(&options.file).with_context(|| format!("{name} cannot be read"))?;
    let mut file = BufReader::new(file);
    let begins = file
        .fill_buf()
        .with_context(|| format!("{name} cannot be read"))?;
    if matches!(begins.first(), Some(b'#' | b'<')) {
        let mut script = String::new();
        file.read_to_string(&mut script)
            .with_context(|| format!("{name} cannot be read"))?;
        let found = first_difference(&script).with_context(|| name.to_string())?;
        return Ok(judge_script(found.as_ref(), ui));
    }
    let mut last_ms = 0;
    let replayed = replay(file, |now, action, actions| {
        last_ms = now.0;
        if options.actions || !is_routine(action) {
            let what = describe(action, actions);
            ui.line(format_args!("{:>8}  {}", seconds(now.0), printable(&what)));
        }
    })
    .with_context(|| name.to_string())?;
    ui.line(format_args!(
        "{} events, {} actions in {}",
        replayed.events,
        replayed.actions,
        seconds(last_ms)
    ));
    if let Some(diverged) = &replayed.diverged {
        tell_divergence(diverged, ui);
    }
    Ok(judge(&replayed, ui))
}

/// Says where a replay parted from its call.
fn tell_divergence(diverged: &Divergence, ui: &mut Ui) {
    let Divergence {
        after,
        until,
        expected,
        got,
    } = diverged;
    let (after, until) = (seconds(after.0), seconds(until.0));
    ui.line(format_args!(
        "the first difference lies between {after} and {until}"
    ));
    let same_number = if expected == got {
        ", but others or in another order"
    } else {
        ""
    };
    ui.line(format_args!("  expected: {expected} actions"));
    ui.line(format_args!("  got:      {got} actions{same_number}"));
    ui.line("  --actions prints what this version does");
}

fn judge_script(found: Option<&Difference>, ui: &mut Ui) -> ExitCode {
    let Some(Difference {
        line,
        at,
        expected,
        got,
    }) = found
    else {
        ui.line("the actions are those of the script");
        return ExitCode::SUCCESS;
    };
    let at = at.map_or_else(String::new, |CallTime(ms)| format!(" at {}", seconds(ms)));
    let verdict = format!("the first difference is in line {line}{at}");
    let verdict = ui.paint(Style::Alarm, &verdict);
    ui.line(verdict);
    for (who, did) in [("expected", expected), ("got", got)] {
        let did = did.as_deref().unwrap_or("nothing");
        ui.line(format_args!("  {who:<9} {}", printable(did)));
    }
    ExitCode::FAILURE
}

fn judge(replayed: &Replay, ui: &mut Ui) -> ExitCode {
    let (verdict, code) = match replayed.same {
        Some(true) => ("the actions are those of the call", ExitCode::SUCCESS),
        Some(false) => (
            "the actions are NOT those of the call: this version decides differently",
            ExitCode::FAILURE,
        ),
        None => (
            "the journal has no last line, so nobody knows what the call did: its process died, or its disk was too slow",
            ExitCode::FAILURE,
        ),
    };
    let style = if code == ExitCode::SUCCESS {
        Style::Plain
    } else {
        Style::Alarm
    };
    let verdict = ui.paint(style, verdict);
    ui.line(verdict);
    code
}

/// What happens many times a second.
const fn is_routine(action: &Action) -> bool {
    matches!(
        action,
        Action::Play(_) | Action::SendAudio(_) | Action::Mark(_)
    )
}

fn describe(action: &Action, actions: &Actions) -> String {
    let ms = |span| actions.audio(span).len() / BYTES_PER_MS;
    match action {
        Action::Play(span) => format!("to the carrier: {} ms of audio", ms(*span)),
        Action::SendAudio(span) => format!("to the model: {} ms of audio", ms(*span)),
        Action::Mark(mark) => format!("to the carrier: mark {mark}"),
        Action::ClearPlayback => "to the carrier: clear".to_owned(),
        Action::Ai(order) => format!("to the model: {order:?}"),
        Action::OpenAi(history) => format!("open a model leg that knows {} turns", history.len()),
        Action::CloseAi => "close the model leg".to_owned(),
        Action::OpenSpareAi(history) => {
            format!("open a second model leg that knows {} turns", history.len())
        }
        Action::UseSpareAi => "the second model leg takes over".to_owned(),
        Action::CloseSpareAi => "close the second model leg".to_owned(),
        Action::RunTool(request) => format!("run the tool {}", request.name),
        Action::Update(update) => format!("tell: {update:?}"),
        Action::End(end) => format!("end: {end:?}"),
    }
}
