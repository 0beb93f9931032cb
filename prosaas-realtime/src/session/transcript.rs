//! Both sides' words in the order of the conversation.
//!
//! Words arrive out of order: the caller's text comes from a transcription that may finish after the
//! answer began, the agent's text arrives long before it is heard. A line is final when its text is
//! known and, for the agent, when it was heard or interrupted; lines come out in order, so a line
//! waits for the lines before it.

use prosaas_core::agent::HistoryTurn;
use prosaas_core::leg::{BYTES_PER_MS, ItemId, ReplyId};
use prosaas_core::time::CallTime;
use prosaas_core::transcript::{Speaker, TranscriptLine};

use super::action::{Action, Actions, CallUpdate};
use super::tools::Tools;

/// What stands for a caller's turn whose words never came.
pub const NOT_TRANSCRIBED: &str = "[not transcribed]";
/// A line keeps at most this many bytes.
const MAX_LINE: usize = 16 * 1024;
/// How long one character takes to say, about: 16 in a second. Text comes ahead of its audio; of a reply that
/// broke off, as much counts as said as its audio had time for.
const MS_PER_CHAR: u64 = 62;

#[derive(Debug)]
struct Entry {
    key: Key,
    at: CallTime,
    /// Since when its text is waited for.
    since: CallTime,
    text: String,
    interrupted: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Caller(Option<ItemId>),
    Agent(ReplyId, ItemId),
    /// The agent was told something.
    Told,
    /// A tool call: its place among what was said.
    Tool(usize),
}

/// What became final, in order.
#[derive(Clone, Copy, Debug)]
enum Past {
    Line(usize),
    Tool(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The text is not complete.
    Open,
    /// The text is complete; not heard yet.
    Said,
    /// Nothing changes any more.
    Final,
}

/// The transcript of one call.
#[derive(Debug, Default)]
pub struct Transcript {
    lines: Vec<TranscriptLine>,
    past: Vec<Past>,
    /// Entries not yet emitted, in order.
    entries: Vec<Entry>,
}

impl Transcript {
    /// The final lines so far.
    pub fn lines(&self) -> &[TranscriptLine] {
        &self.lines
    }

    /// The caller's speech, which began at `at`, became an item; its text is waited for from `now` on.
    pub fn caller_item(
        &mut self,
        now: CallTime,
        at: CallTime,
        item: ItemId,
        after: Option<ItemId>,
    ) {
        let key = Key::Caller(Some(item));
        if self.entries.iter().any(|entry| entry.key == key) {
            return;
        }
        let entry = Entry {
            key,
            at,
            since: now,
            text: String::new(),
            interrupted: false,
            state: State::Open,
        };
        match after.and_then(|after| {
            self.entries
                .iter()
                .position(|e| e.key.item() == Some(after))
        }) {
            Some(before) => self.entries.insert(before + 1, entry),
            None => self.entries.push(entry),
        }
    }

    /// The caller's words.
    pub fn caller_text(&mut self, at: CallTime, item: ItemId, text: &str) {
        self.caller_item(at, at, item, None);
        let key = Key::Caller(Some(item));
        if let Some(entry) = self.entries.iter_mut().find(|e| e.key == key) {
            let text = text.trim();
            let text = if text.is_empty() {
                NOT_TRANSCRIBED
            } else {
                text
            };
            text.clone_into(&mut entry.text);
            cut(&mut entry.text);
            entry.state = State::Final;
        }
    }

    /// What the agent said last, as far as it is known; nothing of what it was told.
    pub fn agents_last_words(&self) -> &str {
        let is_agents = |entry: &&Entry| matches!(entry.key, Key::Agent(..));
        let mut pending = self.entries.iter().rev().filter(is_agents);
        let pending = pending.find(|entry| !entry.text.trim().is_empty());
        let is_said =
            |line: &&TranscriptLine| line.speaker == Speaker::Agent && !line.text.starts_with('[');
        let said = self.lines.iter().rev().find(is_said);
        pending
            .map(|entry| entry.text.as_str())
            .or_else(|| said.map(|line| line.text.as_str()))
            .unwrap_or_default()
    }

    /// Something the caller did that is written as a line, such as pressing keys.
    pub fn caller_did(&mut self, at: CallTime, text: String) {
        let key = Key::Caller(None);
        self.entries.push(Entry {
            key,
            at,
            since: at,
            text,
            interrupted: false,
            state: State::Final,
        });
    }

    /// Something the agent was told that the caller did not hear, written as a line.
    pub fn agent_was_told(&mut self, at: CallTime, text: String) {
        self.entries.push(Entry {
            key: Key::Told,
            at,
            since: at,
            text,
            interrupted: false,
            state: State::Final,
        });
    }

    /// The agent called the tool of this number: it is told to another leg in its place.
    pub fn tool_called(&mut self, at: CallTime, tool: usize) {
        self.entries.push(Entry {
            key: Key::Tool(tool),
            at,
            since: at,
            text: String::new(),
            interrupted: false,
            state: State::Final,
        });
    }

    /// The agent's words, in pieces or whole.
    pub fn agent_text(
        &mut self,
        at: CallTime,
        reply: ReplyId,
        item: ItemId,
        text: &str,
        whole: bool,
    ) {
        let entry = self.agent(at, reply, item);
        if entry.state == State::Final {
            return;
        }
        if whole {
            entry.text.clear();
        }
        entry.text.push_str(text);
        cut(&mut entry.text);
    }

    /// The agent's item has audio from now on, so it is final only when heard.
    pub fn agent_audio(&mut self, at: CallTime, reply: ReplyId, item: ItemId) {
        self.agent(at, reply, item);
    }

    /// The reply ended. Items without audio are final; the others wait to be heard.
    pub fn reply_ended(&mut self, reply: ReplyId, has_audio: impl Fn(ItemId) -> bool) {
        for entry in &mut self.entries {
            if let Key::Agent(of, item) = entry.key
                && of == reply
                && entry.state == State::Open
            {
                entry.state = if has_audio(item) {
                    State::Said
                } else {
                    State::Final
                };
            }
        }
    }

    /// The caller heard `played` of `received` bytes of an item, and will hear no more of it.
    pub fn agent_heard(&mut self, reply: ReplyId, item: ItemId, played: u64, received: u64) {
        let key = Key::Agent(reply, item);
        let Some(entry) = self.entries.iter_mut().find(|e| e.key == key) else {
            return;
        };
        if entry.state == State::Final {
            return;
        }
        if played < received {
            entry.text = heard_part(&entry.text, played, received).to_owned();
            entry.interrupted = true;
        }
        entry.state = State::Final;
    }

    /// Emits the lines that are final and have only emitted lines before them.
    pub fn emit(&mut self, actions: &mut Actions) {
        let ready = self
            .entries
            .iter()
            .take_while(|entry| entry.state == State::Final)
            .count();
        for entry in self.entries.drain(..ready) {
            if let Key::Tool(tool) = entry.key {
                self.past.push(Past::Tool(tool));
            }
            if entry.text.trim().is_empty() {
                continue;
            }
            self.past.push(Past::Line(self.lines.len()));
            let line = TranscriptLine {
                seq: self.lines.len() as u32,
                speaker: entry.key.speaker(),
                at: entry.at,
                text: entry.text.trim().to_owned(),
                interrupted: entry.interrupted,
            };
            self.lines.push(line.clone());
            actions.push(Action::Update(CallUpdate::Line(line)));
        }
    }

    /// How many things were said and done.
    pub const fn length(&self) -> usize {
        self.past.len() + self.entries.len()
    }

    /// Gives up on caller texts that began before `since`.
    pub fn give_up(&mut self, since: CallTime) {
        for entry in &mut self.entries {
            if matches!(entry.key, Key::Caller(_))
                && entry.state == State::Open
                && entry.since <= since
            {
                NOT_TRANSCRIBED.clone_into(&mut entry.text);
                entry.state = State::Final;
            }
        }
    }

    /// When the oldest caller text still missing began.
    pub fn waiting_since(&self) -> Option<CallTime> {
        let open = |e: &&Entry| matches!(e.key, Key::Caller(_)) && e.state == State::Open;
        self.entries
            .iter()
            .filter(open)
            .map(|entry| entry.since)
            .min()
    }

    /// Makes everything final: the call is over.
    pub fn finish(&mut self, actions: &mut Actions) {
        self.give_up(CallTime(u64::MAX));
        for entry in &mut self.entries {
            entry.state = State::Final;
        }
        self.emit(actions);
    }

    /// The conversation so far, for an AI leg that continues it: what is final, what is being said, and the
    /// tools that were called in between.
    pub fn history(&self, tools: &Tools) -> Vec<HistoryTurn> {
        let called = |tool| tools.turn(tool).map(HistoryTurn::called);
        let said = self.past.iter().filter_map(|past| match *past {
            Past::Line(line) => {
                let line = &self.lines[line];
                Some(HistoryTurn::said(line.speaker, line.text.as_str()))
            }
            Past::Tool(tool) => called(tool),
        });
        let pending = self.entries.iter().filter_map(|entry| match entry.key {
            Key::Tool(tool) => called(tool),
            key => Some(HistoryTurn::said(key.speaker(), entry.text.trim())),
        });
        said.chain(pending)
            .filter(|turn| !turn.is_empty())
            .collect()
    }

    /// The AI leg is gone: its ids mean nothing any more. Caller texts will not come; the agent's words
    /// stay until they are heard, and those of a reply that broke off only as far as its audio goes, of
    /// which `received` says how many bytes there are. A turn that the next leg `hears_again` is written
    /// down then.
    pub fn leg_lost(&mut self, hears_again: bool, received: impl Fn(ReplyId, ItemId) -> u64) {
        if hears_again && let Some(last) = self.entries.iter().rposition(Entry::is_untold) {
            self.entries.remove(last);
        }
        self.give_up(CallTime(u64::MAX));
        for entry in &mut self.entries {
            if entry.state != State::Open {
                continue;
            }
            entry.state = State::Said;
            let Key::Agent(reply, item) = entry.key else {
                continue;
            };
            let audio_ms = received(reply, item) / BYTES_PER_MS as u64;
            let text_ms = entry.text.chars().count() as u64 * MS_PER_CHAR;
            if audio_ms < text_ms {
                entry.text = heard_part(&entry.text, audio_ms, text_ms).to_owned();
                entry.interrupted = true;
            }
            if audio_ms == 0 {
                entry.state = State::Final;
            }
        }
    }

    fn agent(&mut self, at: CallTime, reply: ReplyId, item: ItemId) -> &mut Entry {
        let key = Key::Agent(reply, item);
        let index = self
            .entries
            .iter()
            .position(|e| e.key == key)
            .unwrap_or_else(|| {
                let entry = Entry {
                    key,
                    at,
                    since: at,
                    text: String::new(),
                    interrupted: false,
                    state: State::Open,
                };
                self.entries.push(entry);
                self.entries.len() - 1
            });
        &mut self.entries[index]
    }
}

impl Entry {
    /// Whether the caller's words are still waited for.
    fn is_untold(&self) -> bool {
        matches!(self.key, Key::Caller(_)) && self.state == State::Open
    }
}

impl Key {
    const fn item(self) -> Option<ItemId> {
        match self {
            Self::Caller(item) => item,
            Self::Agent(_, item) => Some(item),
            Self::Told | Self::Tool(_) => None,
        }
    }

    const fn speaker(self) -> Speaker {
        match self {
            Self::Caller(_) => Speaker::Caller,
            Self::Agent(..) | Self::Told | Self::Tool(_) => Speaker::Agent,
        }
    }
}

/// The part of a text that was heard when `played` of `received` bytes were, up to a whole word.
fn heard_part(text: &str, played: u64, received: u64) -> &str {
    let chars = text.chars().count() as u64;
    let keep = (chars * played).checked_div(received).unwrap_or(0) as usize;
    let end = text
        .char_indices()
        .nth(keep)
        .map_or(text.len(), |(at, _)| at);
    if end == text.len() {
        return text;
    }
    text[..end]
        .rfind(char::is_whitespace)
        .map_or("", |space| text[..space].trim_end())
}

fn cut(text: &mut String) {
    if text.len() > MAX_LINE {
        let end = text.floor_char_boundary(MAX_LINE);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(transcript: &Transcript) -> Vec<&str> {
        transcript
            .lines()
            .iter()
            .map(|line| line.text.as_str())
            .collect()
    }

    #[test]
    fn a_late_caller_text_still_comes_before_its_answer() {
        let (mut t, mut actions) = (Transcript::default(), Actions::default());
        t.caller_item(CallTime(10), CallTime(5), ItemId(1), None);
        t.agent_text(CallTime(20), ReplyId(1), ItemId(2), "hello there", true);
        t.reply_ended(ReplyId(1), |_| true);
        t.agent_heard(ReplyId(1), ItemId(2), 100, 100);
        t.emit(&mut actions);
        assert!(t.lines().is_empty());
        t.caller_text(CallTime(30), ItemId(1), "hi");
        t.emit(&mut actions);
        assert_eq!(texts(&t), ["hi", "hello there"]);
        assert_eq!(t.lines()[1].seq, 1);
    }

    #[test]
    fn an_interrupted_line_keeps_whole_words_that_were_heard() {
        assert_eq!(heard_part("one two three", 50, 100), "one");
        assert_eq!(heard_part("one two three", 100, 100), "one two three");
        assert_eq!(heard_part("שלום עולם יפה", 60, 100), "שלום");
        assert_eq!(heard_part("word", 1, 100), "");
        assert_eq!(heard_part("word", 1, 0), "");
    }

    #[test]
    fn a_text_that_never_comes_does_not_hold_the_others_back() {
        let (mut t, mut actions) = (Transcript::default(), Actions::default());
        t.caller_item(CallTime(10), CallTime(5), ItemId(1), None);
        t.caller_did(CallTime(20), "[keys: 1]".to_owned());
        assert_eq!(t.waiting_since(), Some(CallTime(10)));
        t.give_up(CallTime(10));
        t.emit(&mut actions);
        assert_eq!(texts(&t), [NOT_TRANSCRIBED, "[keys: 1]"]);
    }

    #[test]
    fn history_holds_what_is_being_said() {
        let mut t = Transcript::default();
        t.agent_text(CallTime(1), ReplyId(1), ItemId(1), "good ", false);
        t.agent_text(CallTime(1), ReplyId(1), ItemId(1), "morning", false);
        assert_eq!(t.history(&Tools::new(0))[0].text, "good morning");
    }

    #[test]
    fn of_a_reply_that_broke_off_only_what_its_audio_had_time_for_was_said() {
        let mut t = Transcript::default();
        let words = "We have Tuesday at nine or Wednesday at noon.";
        t.agent_text(CallTime(1), ReplyId(1), ItemId(1), words, false);
        t.agent_text(CallTime(1), ReplyId(1), ItemId(2), "Never begun.", false);
        t.leg_lost(false, |_, item| if item == ItemId(1) { 8_000 } else { 0 });
        let history = t.history(&Tools::new(0));
        let said: Vec<&str> = history.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(said, ["We have Tuesday"], "one second of speech");
    }
}
