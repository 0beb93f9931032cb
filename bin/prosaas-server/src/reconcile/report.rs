//! What a comparison found, for the log and the terminal. Numbers are masked wherever they are printed.

use prosaas_core::{CallSid, E164, MicroUsd, UnixMillis};
use prosaas_crm::rules::reconcile::{CarrierCall, OwnCall, Period};

use super::read::Read;
use crate::ui::{Style, Ui};

/// What was found about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Somebody called a business, and we never heard of it.
    Lost,
    /// As `Lost`, from a caller whom the business does not let in.
    TurnedAway,
    /// Somebody called a number that was no business's here.
    Nobodys,
    /// It was looked for and is known.
    Known,
    /// We have it, and Twilio does not list it.
    Unlisted,
    /// Its durations differ.
    Apart,
    /// We held it open, and it was over.
    Open,
    /// What it costs is not in US dollars.
    Foreign,
}

impl Finding {
    /// Every finding.
    pub const ALL: [Self; 8] = [
        Self::Lost,
        Self::TurnedAway,
        Self::Nobodys,
        Self::Known,
        Self::Unlisted,
        Self::Apart,
        Self::Open,
        Self::Foreign,
    ];

    /// The word for it in metrics and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::TurnedAway => "turned-away",
            Self::Nobodys => "nobodys",
            Self::Known => "known",
            Self::Unlisted => "unlisted",
            Self::Apart => "duration",
            Self::Open => "open",
            Self::Foreign => "currency",
        }
    }
}

/// One call that something was found about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub finding: Finding,
    /// Twilio's id of the call.
    pub sid: CallSid,
    /// When it began.
    pub began: UnixMillis,
    /// The other side's number.
    pub caller: Option<E164>,
    /// The business's number.
    pub called: Option<E164>,
    /// The rest, in words.
    pub detail: String,
}

impl Line {
    pub(super) fn of_theirs(finding: Finding, call: &CarrierCall, detail: String) -> Self {
        Self {
            finding,
            sid: call.sid.clone(),
            began: call.started_at,
            caller: call.caller.clone(),
            called: call.called.clone(),
            detail,
        }
    }

    pub(super) fn of_ours(finding: Finding, call: &OwnCall, detail: String) -> Self {
        Self {
            finding,
            sid: call.sid.clone(),
            began: call.started_at,
            caller: call.caller.clone(),
            called: Some(call.business_number.clone()),
            detail,
        }
    }
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The time that was compared.
    pub period: Period,
    /// How many calls and legs Twilio lists.
    pub listed: usize,
    /// How many calls we have.
    pub ours: usize,
    /// How many Twilio accounts were asked.
    pub accounts: usize,
    /// How many of them did not give their list, or could not be asked.
    pub unread_accounts: usize,
    /// The calls that something was found about.
    pub lines: Vec<Line>,
    /// Of how many calls the cost is new, or another than before.
    pub priced: usize,
    /// Of how many calls Twilio does not say what they cost.
    pub unpriced: usize,
    /// What the calls cost of which it says so.
    pub cost: MicroUsd,
}

impl Report {
    pub(super) fn of(read: &Read) -> Self {
        let period = read.period;
        let within = |call: &&OwnCall| (period.from..period.until).contains(&call.started_at);
        Self {
            period,
            listed: read.theirs.len(),
            ours: read.ours.iter().filter(within).count(),
            accounts: read.accounts,
            unread_accounts: read.unread_accounts,
            lines: Vec::new(),
            priced: 0,
            unpriced: 0,
            cost: MicroUsd(0),
        }
    }

    pub(super) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// How many calls a finding is about.
    pub fn count(&self, finding: Finding) -> usize {
        let found = self.lines.iter().filter(|line| line.finding == finding);
        found.count()
    }

    /// Says it in the log, where there was anything to compare.
    pub fn log(&self) {
        if self.accounts == 0 {
            return;
        }
        let count = |finding| self.count(finding);
        tracing::info!(
            listed = self.listed,
            ours = self.ours,
            lost = count(Finding::Lost),
            nobodys = count(Finding::Nobodys),
            unlisted = count(Finding::Unlisted),
            durations = count(Finding::Apart),
            open = count(Finding::Open),
            priced = self.priced,
            unpriced = self.unpriced,
            "calls were compared with Twilio's lists"
        );
        let foreign = count(Finding::Foreign);
        if foreign > 0 {
            tracing::warn!(
                calls = foreign,
                "Twilio charges calls in another currency than US dollars; what they cost stays unknown"
            );
        }
    }

    /// Prints it as a table.
    pub fn print(&self, ui: &mut Ui) {
        let (from, until) = (moment(self.period.from), moment(self.period.until));
        ui.heading(&format!("calls from {from} to {until}"));
        ui.entry("of Twilio, with legs", self.listed);
        ui.entry("of ours", self.ours);
        ui.entry("cost at Twilio", self.cost);
        ui.entry("cost newly known", self.priced);
        ui.entry("cost not known", self.unpriced);
        if self.lines.is_empty() {
            ui.line("\nboth sides tell the same");
            return;
        }
        let head = row(["finding", "began", "call", "other side", "our side", "what"]);
        let head = ui.paint(Style::Bold, &head);
        ui.line(format_args!("\n{head}"));
        for line in &self.lines {
            let (caller, called) = (masked(line.caller.as_ref()), masked(line.called.as_ref()));
            ui.line(row([
                line.finding.as_str(),
                &moment(line.began),
                line.sid.as_str(),
                &caller,
                &called,
                &line.detail,
            ]));
        }
    }
}

fn row([finding, began, sid, caller, called, what]: [&str; 6]) -> String {
    format!("{finding:<11}  {began:<20}  {sid:<34}  {caller:<16}  {called:<16}  {what}")
}

fn masked(number: Option<&E164>) -> String {
    number.map_or_else(|| "withheld".to_owned(), E164::masked)
}

/// A moment in UTC, to the second.
fn moment(at: UnixMillis) -> String {
    let whole = jiff::Timestamp::from_second(at.0.div_euclid(1_000));
    whole.map_or_else(|_| "?".to_owned(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::Paper;

    fn report(lines: Vec<Line>) -> Report {
        Report {
            period: super::super::day_from(UnixMillis(1_699_920_000_000), UnixMillis(0)),
            listed: 3,
            ours: 2,
            accounts: 1,
            unread_accounts: 0,
            lines,
            priced: 2,
            unpriced: 1,
            cost: MicroUsd(17_000),
        }
    }

    #[test]
    fn a_table_masks_numbers() {
        let line = Line {
            finding: Finding::Lost,
            sid: format!("CA{}", "0".repeat(32)).parse().unwrap(),
            began: UnixMillis(1_700_000_000_999),
            caller: None,
            called: Some(E164::parse("+97231234567").unwrap()),
            detail: "stored as a missed call".to_owned(),
        };
        let report = report(vec![line]);
        assert_eq!(report.count(Finding::Lost), 1);
        assert_eq!(report.count(Finding::Open), 0);
        let paper = Paper::default();
        report.print(&mut paper.ui());
        let text = paper.text();
        for part in [
            "calls from 2023-11-14T00:00:00Z to 2023-11-15T00:00:00Z",
            "cost at Twilio         0.017000 USD",
            "lost         2023-11-14T22:13:20Z  CA00000000000000000000000000000000  withheld",
            "stored as a missed call",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("31234567"), "{text}");
    }

    #[test]
    fn no_difference_is_said_so() {
        let paper = Paper::default();
        report(Vec::new()).print(&mut paper.ui());
        assert!(paper.text().contains("both sides tell the same"));
    }
}
