//! What a call leaves while the database is away: values, and the lines of a file that they are kept as.

use std::fmt;

use prosaas_core::{
    CallEnd, CallOutcome, CallRecord, CallStatus, E164, Error, LeadDraft, RecordingSid,
    TranscriptLine, UnixMillis,
};
use prosaas_crm::model::call_list::{AnsweredBy, LadderUse};
use prosaas_crm::{AfterStream, RecordingState, RecordingUpdate, StatusUpdate};
use serde::{Deserialize, Serialize};

/// One thing to be stored, in the order in which it happened. Storing any of them again changes nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Entry {
    /// The call came in.
    Opened,
    /// The call came in and was over, because nobody could take it.
    Missed {
        /// What ended it.
        end: CallEnd,
        /// When.
        at: UnixMillis,
    },
    /// The caller heard that the call is recorded.
    Announced {
        /// Which version of the sentence.
        version: u32,
    },
    /// Who is to take the call.
    Answering {
        /// Nobody in particular when it is `None`.
        by: Option<AnsweredBy>,
    },
    /// The caller was turned away.
    Rejected,
    /// What was said.
    Said {
        /// Its lines, at their places in the whole call.
        lines: Vec<TranscriptLine>,
    },
    /// What the caller told about himself.
    Learned {
        /// To be merged into what is known.
        draft: LeadDraft,
    },
    /// A status callback.
    Status {
        /// The status.
        status: CallStatus,
        /// The carrier's number of the callback.
        sequence: Option<u32>,
        /// When it happened.
        at: UnixMillis,
    },
    /// A recording callback.
    Recording {
        /// The carrier's id of it.
        sid: RecordingSid,
        /// How far it is, as [`RecordingState::as_str`].
        state: String,
        /// How long it is, in milliseconds.
        duration_ms: Option<u64>,
        /// Whether the caller left it as a message.
        #[serde(default)]
        is_voicemail: bool,
    },
    /// What served the call, and how often its caller had to wait.
    Served {
        /// What is known of it.
        ladder: LadderUse,
    },
    /// The call's outcome.
    Finished {
        /// What it is.
        outcome: CallOutcome,
        /// How the call goes on, as [`AfterStream::as_str`].
        after: String,
        /// The number of [`AfterStream::Dial`].
        dial: Option<E164>,
    },
}

impl Entry {
    /// A status callback.
    pub(super) const fn status(update: StatusUpdate) -> Self {
        Self::Status {
            status: update.status,
            sequence: update.sequence,
            at: update.at,
        }
    }

    /// A recording callback. Where the file is does not belong to it: only a job knows, and it needs the
    /// database itself.
    pub(super) fn recording(update: &RecordingUpdate) -> Self {
        Self::Recording {
            sid: update.sid.clone(),
            state: update.state.as_str().to_owned(),
            duration_ms: update.duration_ms,
            is_voicemail: update.is_voicemail,
        }
    }

    /// An outcome.
    pub(super) fn finished(outcome: &CallOutcome, after: &AfterStream) -> Self {
        let dial = match after {
            AfterStream::Dial(number) => Some(number.clone()),
            AfterStream::HangUp | AfterStream::TakeVoicemail => None,
        };
        Self::Finished {
            outcome: outcome.clone(),
            after: after.as_str().to_owned(),
            dial,
        }
    }

    /// The entry as a line of a file, its end included.
    ///
    /// # Errors
    /// `Internal` when it has no form as JSON, which none of these has.
    pub(super) fn to_line(&self) -> Result<String, Error> {
        line_of(self)
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Missed { .. } => "missed",
            Self::Announced { .. } => "announced",
            Self::Answering { .. } => "answering",
            Self::Rejected => "rejected",
            Self::Said { .. } => "said",
            Self::Learned { .. } => "learned",
            Self::Status { .. } => "status",
            Self::Recording { .. } => "recording",
            Self::Served { .. } => "served",
            Self::Finished { .. } => "finished",
        }
    }
}

/// Says of which kind it is: the rest is somebody's number and words.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A recording callback as the store takes it.
///
/// # Errors
/// `Invalid` when no such state is known.
pub(super) fn recording_update(
    sid: &RecordingSid,
    state: &str,
    (duration_ms, is_voicemail): (Option<u64>, bool),
) -> Result<RecordingUpdate, Error> {
    let state: RecordingState = state.parse()?;
    Ok(RecordingUpdate {
        sid: sid.clone(),
        state,
        duration_ms,
        path: None,
        is_voicemail,
    })
}

/// The first line of a file: whose it is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    call: CallRecord,
}

/// The first line of a call's file, its end included.
///
/// # Errors
/// As [`Entry::to_line`].
pub(super) fn head(call: &CallRecord) -> Result<String, Error> {
    line_of(&Head { call: call.clone() })
}

fn line_of(value: &impl Serialize) -> Result<String, Error> {
    let line = serde_json::to_string(value);
    let mut line = line.map_err(|error| Error::internal("write-behind", error))?;
    line.push('\n');
    Ok(line)
}

/// A file that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// The call it belongs to, as it was when the file began.
    pub(super) call: Option<CallRecord>,
    /// What it holds, in order.
    pub(super) entries: Vec<Entry>,
    /// How many whole lines are of a kind that this version does not know.
    pub(super) unknown: usize,
}

/// Reads a file. A line that a crash or a full disk cut off was never acknowledged, wherever it stands, and
/// is left out.
pub(super) fn read(text: &str) -> Lines {
    let mut found = Lines::default();
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let Some(head) = lines.next() else {
        return found;
    };
    found.call = serde_json::from_str(head).ok().map(|head: Head| head.call);
    found.unknown = usize::from(found.call.is_none() && is_whole(head));
    for line in lines {
        match serde_json::from_str::<Entry>(line) {
            Ok(entry) => found.entries.push(entry),
            Err(_) => found.unknown += usize::from(is_whole(line)),
        }
    }
    found
}

fn is_whole(line: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prosaas_core::testkit::samples::quality;
    use prosaas_core::{
        CallDirection, CallId, CallTime, NewCall, Speaker, TenantId, Usage, Verdict,
    };

    use super::*;

    fn line(seq: u32, text: &str) -> TranscriptLine {
        TranscriptLine {
            seq,
            speaker: Speaker::Caller,
            at: CallTime(7),
            text: text.to_owned(),
            interrupted: false,
        }
    }

    fn number() -> E164 {
        E164::parse("+15005550006").unwrap()
    }

    fn record() -> CallRecord {
        CallRecord {
            id: CallId::mint(UnixMillis(1)),
            tenant: TenantId::mint(UnixMillis(1)),
            call: NewCall {
                call_sid: "CA00000000000000000000000000000001".parse().unwrap(),
                direction: CallDirection::Inbound,
                caller: Some(number()),
                business_number: number(),
                started_at: UnixMillis(1),
            },
            status: CallStatus::Ringing,
            ended_at: None,
            end: None,
            usage: Usage::default(),
        }
    }

    fn one_of_each() -> Vec<Entry> {
        let outcome = CallOutcome {
            ended_at: UnixMillis(9),
            end: CallEnd::Transferred,
            usage: Usage::default(),
            lead: LeadDraft::default(),
            quality: Some(Box::new(quality(Verdict::Poor))),
        };
        let status = StatusUpdate {
            status: CallStatus::Completed,
            sequence: Some(3),
            at: UnixMillis(5),
        };
        let recording = RecordingUpdate {
            sid: "RE00000000000000000000000000000001".parse().unwrap(),
            state: RecordingState::Available,
            duration_ms: Some(9_000),
            path: None,
            is_voicemail: true,
        };
        vec![
            Entry::Opened,
            Entry::Missed {
                end: CallEnd::Voicemail,
                at: UnixMillis(4),
            },
            Entry::Announced { version: 2 },
            Entry::Answering {
                by: Some(AnsweredBy::Voicemail),
            },
            Entry::Rejected,
            Entry::Said {
                lines: vec![line(0, "שלום\n\u{2028}\"")],
            },
            Entry::Learned {
                draft: LeadDraft::default(),
            },
            Entry::status(status),
            Entry::recording(&recording),
            Entry::Served {
                ladder: LadderUse {
                    served_by: Some("spare".to_owned()),
                    hold_lines: 2,
                    reconnects: 1,
                },
            },
            Entry::finished(&outcome, &AfterStream::Dial(number())),
        ]
    }

    fn written(call: &CallRecord, entries: &[Entry]) -> String {
        let lines = entries.iter().map(|entry| entry.to_line().unwrap());
        head(call).unwrap() + &lines.collect::<String>()
    }

    #[test]
    fn what_is_written_is_read() {
        let (call, entries) = (record(), one_of_each());
        let read = read(&written(&call, &entries));
        assert_eq!(read.call, Some(call));
        assert_eq!(read.entries, entries);
        assert_eq!(read.unknown, 0);
    }

    #[test]
    fn a_number_and_words_are_not_printed() {
        let printed = format!("{:?}", one_of_each());
        assert!(!printed.contains("5005550006"), "{printed}");
        assert!(!printed.contains("שלום"), "{printed}");
    }

    #[test]
    fn what_a_later_version_wrote_is_counted_and_not_lost_sight_of() {
        let text = head(&record()).unwrap() + "{\"kind\":\"dreamt\"}\n{\"kind\":\"rejected\"}\n";
        let lines = read(&text);
        assert_eq!((lines.entries.len(), lines.unknown), (1, 1));
        let nobodys = read("{\"who\":1}\n{\"kind\":\"rejected\"}\n");
        assert_eq!((nobodys.call, nobodys.unknown), (None, 1));
    }

    proptest! {
        /// From its first byte on: where there is none, whatever follows stands in the place of the head, and is counted
        /// as unknown.
        #[test]
        fn a_file_cut_anywhere_loses_only_its_last_line(at in 1..2_000_usize, more in any::<bool>()) {
            let (call, entries) = (record(), one_of_each());
            let whole = written(&call, &entries);
            let mut cut: Vec<u8> = whole.as_bytes().iter().copied().take(at).collect();
            let kept = String::from_utf8_lossy(&cut).matches('\n').count();
            // The next one begins on a line of its own.
            if more {
                cut.push(b'\n');
                cut.extend_from_slice(Entry::Rejected.to_line().unwrap().as_bytes());
            }
            let read = read(&String::from_utf8_lossy(&cut));
            // A line that lacks nothing but its end is as good as whole.
            let mut found = read.entries;
            if more && kept > 0 {
                prop_assert_eq!(found.pop(), Some(Entry::Rejected));
            }
            let kept = kept.saturating_sub(1);
            if !(more && kept == 0) {
                prop_assert!(found.len() == kept || found.len() == kept + 1);
                prop_assert_eq!(&found[..], &entries[..found.len()]);
            }
            prop_assert_eq!(read.unknown, 0);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,200}") {
            let _ = read(&text);
        }
    }
}
