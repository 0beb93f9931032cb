//! The caller of the demo writes afterwards: the business links its WhatsApp by a QR code, a message comes in
//! encrypted, and the agent answers it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, interval, timeout};

use super::console::Console;
use super::print::{self, Who};
use super::seed;
use super::sidecar::LocalWhatsApp;
use crate::ui::Ui;

/// What the caller writes.
const WORDS: &str = "It is me again, from the phone. Can you come on Sunday morning?";
/// What he calls himself there.
const NAME: &str = "Dana";
/// How long each step may take.
const STEP_WITHIN: Duration = Duration::from_secs(30);
/// How often the server is asked whether a step is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Links the business, has the caller write, waits until the answer is on his phone, and prints each step.
///
/// # Errors
/// Names the step that did not come to its end.
pub(super) async fn converse(
    local: &LocalWhatsApp,
    console: &Console,
    business: &str,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    ui.heading("WhatsApp");
    let mut chat = Chat {
        began: Instant::now(),
        account: digits(seed::NUMBER),
        customer: digits(seed::CALLER),
        local,
        console,
        ui,
    };
    chat.link(business).await?;
    chat.write().await?;
    chat.hear().await
}

struct Chat<'a> {
    began: Instant,
    account: String,
    customer: String,
    local: &'a LocalWhatsApp,
    console: &'a Console,
    ui: &'a mut Ui,
}

impl Chat<'_> {
    async fn link(&mut self, business: &str) -> anyhow::Result<()> {
        let way = json!({ "method": "qr" });
        self.console.post("/api/wa/link", &way).await?;
        let shown = |code: &Value| code["qr"].is_string();
        let mut shown = step(self.console, ("the code", "/api/wa/qr"), shown).await?;
        let code = shown["qr"].take();
        self.say(Who::Server, "shows the owner a QR code to link by");
        let phone = json!({ "qr": code, "phone": self.account, "name": business });
        self.local.act("scan", &phone).await?;
        let ready = |status: &Value| status["ready"] == true;
        step(self.console, ("the link", "/api/wa/status"), ready).await?;
        self.say(Who::Server, "is linked: the owner's phone scanned it");
        Ok(())
    }

    async fn write(&mut self) -> anyhow::Result<()> {
        let message = json!({
            "account": self.account, "customer": self.customer, "name": NAME, "text": WORDS,
        });
        self.local.act("write", &message).await?;
        self.say(Who::Caller, &format!("writes: {WORDS}"));
        Ok(())
    }

    /// Waits until the customer's phone has decrypted and shown what the agent wrote.
    async fn hear(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + STEP_WITHIN;
        let (mut seen, mut is_typing) = (0, false);
        while Instant::now() < until {
            let entries = self.local.ledger(seen).await?;
            for entry in entries {
                seen = entry["n"].as_u64().unwrap_or(seen);
                if entry["customer"] != json!(self.customer) {
                    continue;
                }
                match entry["kind"].as_str() {
                    Some("typing") if !is_typing && entry["text"] == "composing" => {
                        is_typing = true;
                        self.say(Who::Agent, "is typing");
                    }
                    Some("from_business") => {
                        let text = entry["text"].as_str().unwrap_or_default();
                        self.say(Who::Agent, &format!("writes: {text}"));
                        return Ok(());
                    }
                    Some("unreadable") => bail!("the customer's phone could not read the answer"),
                    _ => {}
                }
            }
        }
        bail!("WhatsApp: the answer did not reach the customer's phone in time")
    }

    fn say(&mut self, who: Who, what: &str) {
        let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        print::line(self.ui, at, who, what);
    }
}

/// Asks the API until its answer says that a step is done.
async fn step(
    console: &Console,
    (what, path): (&str, &str),
    is_done: fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let asking = async {
        let mut look = interval(LOOK_EVERY);
        loop {
            look.tick().await;
            let answer = console.get(path).await?;
            if is_done(&answer) {
                return Ok(answer);
            }
        }
    };
    let answer = timeout(STEP_WITHIN, asking).await;
    answer.with_context(|| format!("WhatsApp: {what} did not come in time"))?
}

/// A number as WhatsApp writes it.
fn digits(number: &str) -> String {
    number.trim_start_matches('+').to_owned()
}

/// What the API shows of a lead's conversation, the oldest message first.
///
/// # Errors
/// When the API refuses.
pub(super) async fn conversation(console: &Console, lead: &str) -> anyhow::Result<Vec<Value>> {
    let path = format!("/api/conversations?channel=whatsapp&lead_id={lead}");
    let found = console.list(&path).await?;
    let Some(id) = found.first().and_then(|found| found["id"].as_str()) else {
        return Ok(Vec::new());
    };
    let path = format!("/api/conversations/{id}/messages");
    let mut messages = console.list(&path).await?;
    messages.reverse();
    Ok(messages)
}
