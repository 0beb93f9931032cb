//! Calls as they are stored, beyond what [`prosaas_core::TenantStore`] needs to know.

use std::fmt;
use std::str::FromStr;

use prosaas_core::{
    CallEnd, CallQuality, CallRecord, CallStatus, E164, Error, LeadId, RecordingSid, UnixMillis,
};

/// A call with everything stored beside its [`CallRecord`].
///
/// Two ends are kept apart. The *outcome* (`record.end`, `record.ended_at`) is what our own session
/// reported. The *status* is the carrier's word, which arrives by callbacks in any order: after a
/// transfer, the outcome is stored while the carrier still says `in-progress`; after a crash, the
/// carrier says `completed` while no outcome is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCall {
    /// The call.
    pub record: CallRecord,
    /// The carrier's sequence number of the callback that brought `record.status`, if it had one.
    pub status_sequence: Option<u32>,
    /// When the carrier said that the call was over, by its own clock.
    pub carrier_ended_at: Option<UnixMillis>,
    /// What the carrier is told when it asks how to go on after the stream; stored with the outcome.
    pub after_stream: Option<AfterStream>,
    /// The call's lead, once there is one.
    pub lead: Option<LeadId>,
    /// How well it went, once it is over; `None` when there was nothing to judge.
    pub quality: Option<Box<CallQuality>>,
}

impl StoredCall {
    /// Whether the outcome is stored. The carrier may still say that the call goes on.
    pub const fn is_finished(&self) -> bool {
        self.record.end.is_some()
    }
}

/// How a call ended that was over before anybody had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedCall {
    /// What ended it.
    pub end: CallEnd,
    /// When it ended.
    pub ended_at: UnixMillis,
    /// What the carrier said of it, where it has.
    pub word: Option<StatusUpdate>,
}

/// How a call goes on when its media stream has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AfterStream {
    /// It is over.
    #[default]
    HangUp,
    /// It is handed to this number, taken from the business's own list.
    Dial(E164),
    /// The caller is asked to leave a message, since the agent never spoke.
    TakeVoicemail,
}

impl AfterStream {
    /// The word stored; the number of [`AfterStream::Dial`] is stored beside it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::HangUp => "hang_up",
            Self::Dial(_) => "dial",
            Self::TakeVoicemail => "take_voicemail",
        }
    }

    /// Reads back what was stored.
    ///
    /// # Errors
    /// `Invalid` for an unknown word, or a number where none belongs, or none where one does.
    pub fn from_stored(word: &str, number: Option<E164>) -> Result<Self, Error> {
        match (word, number) {
            ("hang_up", None) => Ok(Self::HangUp),
            ("dial", Some(number)) => Ok(Self::Dial(number)),
            ("take_voicemail", None) => Ok(Self::TakeVoicemail),
            _ => Err(Error::invalid(
                "after_stream",
                "expected `hang_up`, `take_voicemail`, or `dial` with its number",
            )),
        }
    }
}

/// What a status callback says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The status.
    pub status: CallStatus,
    /// The carrier's sequence number of the callback (Twilio's `SequenceNumber`), if it has one.
    pub sequence: Option<u32>,
    /// When it happened: the carrier's own timestamp (Twilio's `Timestamp`), else the time of arrival.
    pub at: UnixMillis,
}

/// How far a recording has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingState {
    /// The carrier is recording.
    InProgress,
    /// The carrier holds the finished recording; a job fetches it.
    Available,
    /// The file is in our own storage.
    Stored,
    /// There is nothing to fetch: the carrier recorded nothing, or it is gone.
    Absent,
}

impl RecordingState {
    /// Every state, in the order a recording passes them.
    pub const ALL: [Self; 4] = [
        Self::InProgress,
        Self::Available,
        Self::Stored,
        Self::Absent,
    ];

    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Available => "available",
            Self::Stored => "stored",
            Self::Absent => "absent",
        }
    }

    /// How far along this state is; it only grows. Both ends share the highest rank.
    pub const fn rank(self) -> u8 {
        match self {
            Self::InProgress => 0,
            Self::Available => 1,
            Self::Stored | Self::Absent => 2,
        }
    }
}

impl FromStr for RecordingState {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Error::invalid("recording state", "expected one of the stored words"))
    }
}

/// What is newly known about a recording. Fields that are `None` leave what is stored alone.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordingUpdate {
    /// The carrier's id of the recording.
    pub sid: RecordingSid,
    /// How far it has come.
    pub state: RecordingState,
    /// How long it is, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Where the file is, relative to the data directory; `/` separates, never `..`.
    pub path: Option<String>,
    /// Whether the caller left it as a message. Once known it stays.
    pub is_voicemail: bool,
}

impl fmt::Debug for RecordingUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingUpdate")
            .field("sid", &self.sid)
            .field("state", &self.state)
            .field("duration_ms", &self.duration_ms)
            .finish_non_exhaustive()
    }
}

impl RecordingUpdate {
    /// Whether the update makes sense by itself.
    ///
    /// # Errors
    /// `Invalid` when a stored recording has no path or another one has, or the path would leave the
    /// data directory.
    pub fn check(&self) -> Result<(), Error> {
        let is_inside = |path: &str| {
            !path.contains(['\\', '\0'])
                && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        };
        match (self.state, self.path.as_deref()) {
            (RecordingState::Stored, Some(path)) if is_inside(path) => Ok(()),
            (RecordingState::Stored, _) => Err(Error::invalid(
                "recording path",
                "expected a path inside the data directory, such as `recordings/TENANT/SID.wav`",
            )),
            (_, None) => Ok(()),
            (_, Some(_)) => Err(Error::invalid(
                "recording path",
                "expected none before the file is stored",
            )),
        }
    }

    /// What is known once this update was taken into account.
    pub fn merged_into(self, known: Option<Recording>) -> Recording {
        match known {
            Some(known) if self.state.rank() > known.state.rank() => Recording {
                sid: known.sid,
                state: self.state,
                duration_ms: known.duration_ms.or(self.duration_ms),
                path: self.path,
                is_voicemail: known.is_voicemail || self.is_voicemail,
            },
            Some(known) => Recording {
                duration_ms: known.duration_ms.or(self.duration_ms),
                is_voicemail: known.is_voicemail || self.is_voicemail,
                ..known
            },
            None => Recording {
                sid: self.sid,
                state: self.state,
                duration_ms: self.duration_ms,
                path: self.path,
                is_voicemail: self.is_voicemail,
            },
        }
    }
}

/// A recording as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The carrier's id.
    pub sid: RecordingSid,
    /// How far it has come.
    pub state: RecordingState,
    /// How long it is, in milliseconds, once known.
    pub duration_ms: Option<u64>,
    /// Where the file is, relative to the data directory, once it is stored.
    pub path: Option<String>,
    /// Whether the caller left it as a message.
    pub is_voicemail: bool,
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_accepted_recording_path_only_goes_down(path in "[a-z./\\\\\\x00 ]{0,12}") {
            let update = RecordingUpdate {
                sid: format!("RE{}", "0".repeat(32)).parse().unwrap(),
                state: RecordingState::Stored,
                duration_ms: None,
                path: Some(path.clone()),
                is_voicemail: false,
            };
            if update.check().is_ok() {
                let goes_down = |part| matches!(part, Component::Normal(_));
                prop_assert!(Path::new(&path).components().all(goes_down), "{path:?}");
            }
        }
    }

    #[test]
    fn what_follows_the_stream_reads_back() {
        let number = E164::parse("+97231234567").unwrap();
        for step in [
            AfterStream::HangUp,
            AfterStream::Dial(number),
            AfterStream::TakeVoicemail,
        ] {
            let stored_number = match &step {
                AfterStream::Dial(number) => Some(number.clone()),
                _ => None,
            };
            assert_eq!(
                AfterStream::from_stored(step.as_str(), stored_number).unwrap(),
                step
            );
        }
        assert!(AfterStream::from_stored("dial", None).is_err());
        assert!(AfterStream::from_stored("fly", None).is_err());
    }

    #[test]
    fn a_recording_path_stays_in_the_data_directory() {
        let update = |state, path: Option<&str>| RecordingUpdate {
            sid: format!("RE{}", "0".repeat(32)).parse().unwrap(),
            state,
            duration_ms: None,
            path: path.map(str::to_owned),
            is_voicemail: false,
        };
        assert!(
            update(RecordingState::Stored, Some("recordings/a/b.wav"))
                .check()
                .is_ok()
        );
        assert!(update(RecordingState::Absent, None).check().is_ok());
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "./a",
            "a\\b",
            "a\0b",
        ] {
            assert!(
                update(RecordingState::Stored, Some(bad)).check().is_err(),
                "{bad:?}"
            );
        }
        assert!(update(RecordingState::Stored, None).check().is_err());
        assert!(
            update(RecordingState::Available, Some("a.wav"))
                .check()
                .is_err()
        );
    }

    #[test]
    fn recording_states_parse_back_and_only_grow() {
        let ranks: Vec<u8> = RecordingState::ALL
            .iter()
            .map(|state| state.rank())
            .collect();
        assert!(ranks.is_sorted());
        for state in RecordingState::ALL {
            assert_eq!(state.as_str().parse::<RecordingState>().unwrap(), state);
        }
    }
}
