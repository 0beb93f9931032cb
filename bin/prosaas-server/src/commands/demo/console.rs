//! What the business's owner sees of a call: read over the server's own API, with a session of his own.

use anyhow::{Context as _, bail};
use prosaas_core::{CallId, E164, ExposeSecret as _};
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use serde_json::{Value, json};

use super::seed::Owner;
use super::whatsapp;
use crate::commands::simulate;
use crate::ui::{Style, Ui, printable};

/// A browser of the owner's, as far as the API can tell.
pub(super) struct Console {
    http: reqwest::Client,
    base: String,
    cookies: String,
}

/// What the API says a call left behind.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The lead; null when there is none.
    pub(super) lead: Value,
    /// What happened to it, the newest first.
    pub(super) timeline: Vec<Value>,
    /// What the call left to do.
    pub(super) tasks: Vec<Value>,
    /// What was written by WhatsApp, the oldest first.
    pub(super) chat: Vec<Value>,
}

/// What a call has to leave behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// A task: the caller asked for something.
    pub(super) task: bool,
    /// A conversation by WhatsApp with an answer.
    pub(super) chat: bool,
}

impl Console {
    /// Signs in with address and password.
    ///
    /// # Errors
    /// When the server refuses, or gives no session.
    pub(super) async fn sign_in(base: &str, owner: &Owner) -> anyhow::Result<Self> {
        let http = simulate::http_client()?;
        let login = json!({
            "email": owner.email, "password": owner.password.expose_secret(),
        });
        let answer = http
            .post(format!("{base}/api/auth/login"))
            .header(ORIGIN, base)
            .header("x-prosaas-request", "1")
            .json(&login)
            .send()
            .await
            .context("the API does not answer")?;
        let status = answer.status();
        if !status.is_success() {
            bail!("the owner could not sign in: HTTP {status}");
        }
        let cookies: Vec<&str> = answer
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .collect();
        if cookies.is_empty() {
            bail!("signing in gave the owner no session");
        }
        let (base, cookies) = (base.to_owned(), cookies.join("; "));
        Ok(Self {
            http,
            base,
            cookies,
        })
    }

    /// What a call left behind.
    ///
    /// # Errors
    /// When the API refuses one of the questions.
    pub(super) async fn look_at(&self, call: CallId) -> anyhow::Result<Seen> {
        let shown = self.get(&format!("/api/calls/{call}")).await?;
        let Some(lead) = shown["lead_id"].as_str() else {
            return Ok(Seen::default());
        };
        let tasks = self.list(&format!("/api/crm/tasks?lead_id={lead}")).await?;
        let of_call = |task: &Value| task["call_id"] == json!(call);
        Ok(Seen {
            lead: self.get(&format!("/api/crm/leads/{lead}")).await?,
            timeline: self
                .list(&format!("/api/crm/leads/{lead}/timeline"))
                .await?,
            tasks: tasks.into_iter().filter(of_call).collect(),
            chat: whatsapp::conversation(self, lead).await?,
        })
    }

    /// Posts something.
    ///
    /// # Errors
    /// When the API refuses.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = request
            .header(ORIGIN, &self.base)
            .header("x-prosaas-request", "1");
        self.ask(path, request.json(body)).await
    }

    /// The first page of a list.
    pub(super) async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        match self.get(path).await?["data"].take() {
            Value::Array(rows) => Ok(rows),
            _ => bail!("GET {path} answered no list"),
        }
    }

    /// Gets something.
    ///
    /// # Errors
    /// When the API refuses.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}{path}", self.base));
        self.ask(path, request).await
    }

    async fn ask(&self, path: &str, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.header(COOKIE, &self.cookies).send().await;
        let answer = answer.context("the API does not answer")?;
        let status = answer.status();
        if !status.is_success() {
            bail!("{path}: HTTP {status}");
        }
        let body = answer.json().await;
        body.with_context(|| format!("{path} answered no JSON"))
    }
}

impl Seen {
    /// What of it is missing.
    pub(super) fn problem(&self, expected: Expected) -> Option<&'static str> {
        let written = |by: &str| self.chat.iter().any(|one| one["actor_kind"] == by);
        let happened = |kind: &str| self.timeline.iter().any(|entry| entry["kind"] == kind);
        if self.lead.is_null() {
            Some("the API shows no lead of the call")
        } else if self.timeline.is_empty() {
            Some("the API shows no timeline of the lead")
        } else if expected.task && self.tasks.is_empty() {
            Some("the API shows no task, though the caller asked for something")
        } else if expected.chat && !(written("contact") && happened("message")) {
            Some("the API does not show the caller's WhatsApp message on the lead of the call")
        } else if expected.chat && !written("agent") {
            Some("the API shows no answer to the caller's WhatsApp message")
        } else {
            None
        }
    }

    /// Prints it.
    pub(super) fn print(&self, ui: &mut Ui) {
        ui.heading("lead, as the API shows it to the owner");
        if self.lead.is_null() {
            let none = ui.paint(Style::Alarm, "none");
            return ui.line(format_args!("  {none}"));
        }
        // A number prints masked, in a demo as well.
        let phone = self.lead["phone"].as_str().map(E164::parse);
        let phone = phone.and_then(Result::ok).map(|phone| phone.to_string());
        ui.entry("caller", phone.as_deref().unwrap_or("-"));
        for (title, field) in [
            ("name", "name"),
            ("intent", "intent"),
            ("summary", "summary"),
            ("next step", "next_step"),
            ("notes", "notes"),
        ] {
            ui.entry(title, text(&self.lead[field]));
        }
        ui.heading("its timeline");
        for entry in self.timeline.iter().rev() {
            ui.entry(&text(&entry["at"]), text(&entry["kind"]));
        }
        if !self.chat.is_empty() {
            ui.heading("its WhatsApp conversation");
        }
        for message in &self.chat {
            let words = format_args!("{} ({})", text(&message["body"]), text(&message["status"]));
            ui.entry(&text(&message["actor_kind"]), words);
        }
        ui.heading("what the call left to do");
        if self.tasks.is_empty() {
            ui.line("  nothing");
        }
        for task in &self.tasks {
            let due = match task["due_at"].as_str() {
                Some(due) => format!("due {}", printable(due)),
                None => "no date".to_owned(),
            };
            let status = text(&task["status"]);
            ui.entry(
                "task",
                format_args!("{} ({status}, {due})", text(&task["title"])),
            );
        }
    }
}

/// A field for the terminal.
fn text(field: &Value) -> String {
    field.as_str().map_or_else(|| "-".to_owned(), printable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::Paper;

    fn seen() -> Seen {
        Seen {
            lead: json!({ "name": "Dana\u{1b}[2J", "phone": "+14155550123", "notes": null }),
            timeline: vec![
                json!({ "at": "2026-11-24T16:00:01Z", "kind": "call.ended" }),
                json!({ "at": "2026-11-24T16:00:00Z", "kind": "lead.created" }),
            ],
            tasks: vec![json!({ "title": "Call back", "status": "open", "due_at": null })],
            chat: Vec::new(),
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let expected = |task, chat| Expected { task, chat };
        assert_eq!(seen().problem(expected(true, false)), None);
        let without = |change: fn(&mut Seen)| {
            let mut seen = seen();
            change(&mut seen);
            seen
        };
        let no_task = without(|seen| seen.tasks.clear());
        assert_eq!(no_task.problem(expected(false, false)), None);
        let message = |by: &str| json!({ "actor_kind": by, "body": "x", "status": "sent" });
        let with_chat = |by: &[&str]| Seen {
            timeline: vec![json!({ "kind": "message" })],
            chat: by.iter().map(|by| message(by)).collect(),
            ..seen()
        };
        let chatted = expected(true, true);
        assert_eq!(with_chat(&["contact", "agent"]).problem(chatted), None);
        let alone = with_chat(&["contact"]).problem(chatted).unwrap();
        assert!(alone.contains("no answer"), "{alone}");
        let silent = seen().problem(chatted).unwrap();
        assert!(silent.contains("WhatsApp message"), "{silent}");
        for (seen, word) in [
            (no_task, "no task"),
            (without(|seen| seen.timeline.clear()), "no timeline"),
            (without(|seen| seen.lead = Value::Null), "no lead"),
        ] {
            let problem = seen.problem(expected(true, false)).unwrap();
            assert!(problem.contains(word), "{problem}");
        }
    }

    #[test]
    fn what_strangers_said_cannot_drive_the_terminal_and_the_number_is_masked() {
        let paper = Paper::default();
        seen().print(&mut paper.ui());
        let text = paper.text();
        assert!(
            !text.contains('\u{1b}') && !text.contains("5550123"),
            "{text}"
        );
        let of = |word| {
            text.find(word)
                .unwrap_or_else(|| panic!("{word} in {text}"))
        };
        assert!(
            of("lead.created") < of("call.ended"),
            "in the order it happened"
        );
        assert!(text.contains("Call back (open, no date)"), "{text}");
    }
}
