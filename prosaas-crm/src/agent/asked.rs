//! What the model asked for: its words, read into values that hold no tenant, no caller and no number.

use prosaas_core::{LeadDraft, ToolReply, UnixMillis};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::specs::{END_CALL, SAVE_LEAD, TRANSFER_TO_HUMAN};
use super::when;
use crate::model::settings::VoiceTool;
use crate::model::wall::{Day, Zone};
use crate::model::words::words;

const CHECK_AVAILABILITY: &str = VoiceTool::CheckAvailability.as_str();
const BOOK_APPOINTMENT: &str = VoiceTool::BookAppointment.as_str();
const CREATE_TASK: &str = VoiceTool::CreateTask.as_str();
const TAKE_MESSAGE: &str = VoiceTool::TakeMessage.as_str();
const LOOK_UP_KNOWLEDGE: &str = VoiceTool::LookUpKnowledge.as_str();
const SEND_WHATSAPP: &str = VoiceTool::SendWhatsapp.as_str();

/// The longest arguments that are parsed, in bytes.
const MAX_ARGUMENTS: usize = 16 * 1024;
/// The longest title or name, in characters; longer ones are cut.
const MAX_LINE: usize = 200;
/// The longest free text, in characters; longer ones are cut.
const MAX_TEXT: usize = 2_000;
/// The longest WhatsApp to a caller, in characters; longer ones are cut.
const MAX_WHATSAPP: usize = 600;

/// What the model asked for, once its words were understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Keep this about the caller.
    SaveLead(LeadDraft),
    /// Connect the caller to whoever has this label.
    Transfer(String),
    /// End the call.
    EndCall,
    /// Which times are free, from this day on or from now.
    Availability(Option<Day>),
    /// Book this time for the caller.
    Book(Booking),
    /// Have somebody do this.
    CreateTask(TaskRequest),
    /// Pass this on.
    TakeMessage(MessageForBusiness),
    /// What the business wrote down about this.
    LookUp(String),
    /// Send the caller this by WhatsApp.
    SendWhatsApp(WhatsAppForCaller),
}

words! {
    /// What a WhatsApp to a caller holds.
    WhatsAppKind, "kind":
    /// Where the business is.
    Address = "address",
    /// A link.
    Link = "link",
    /// What was agreed.
    Summary = "summary",
}

/// A WhatsApp for the caller. To whom is not among it: he is the one who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatsAppForCaller {
    /// What it holds.
    pub kind: WhatsAppKind,
    /// What it says.
    pub text: String,
}

/// A time the caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// When it begins.
    pub starts_at: UnixMillis,
    /// What it is for.
    pub title: String,
    /// Anything else.
    pub notes: String,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRequest {
    /// What.
    pub title: String,
    /// In more words.
    pub details: String,
    /// By when.
    pub due_at: Option<UnixMillis>,
}

/// A message for the business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageForBusiness {
    /// Its text.
    pub text: String,
    /// For whom; empty for whoever reads it.
    pub recipient: String,
    /// By when the caller was told that somebody calls back.
    pub call_back_by: Option<UnixMillis>,
    /// Whether somebody should see it now.
    pub urgent: bool,
}

impl TaskRequest {
    /// The task as a part of the caller's lead, where no task can be made.
    #[must_use]
    pub fn into_draft(self, zone: &Zone) -> LeadDraft {
        let texts = [Some(self.title), Some(self.details), by(self.due_at, zone)];
        LeadDraft {
            next_step: Some(sentence(texts)),
            ..LeadDraft::default()
        }
        .cleaned()
    }
}

impl MessageForBusiness {
    /// The message as a part of the caller's lead, where no task can be made.
    #[must_use]
    pub fn into_draft(self, zone: &Zone) -> LeadDraft {
        let recipient = (!self.recipient.is_empty()).then(|| format!("→ {}", self.recipient));
        let urgent = self.urgent.then(|| "!".to_owned());
        let call_back = by(self.call_back_by, zone);
        LeadDraft {
            notes: Some(sentence([recipient.clone(), Some(self.text), urgent])),
            next_step: call_back
                .map(|time| sentence([Some("call back".to_owned()), recipient, Some(time)])),
            ..LeadDraft::default()
        }
        .cleaned()
    }
}

fn by(at: Option<UnixMillis>, zone: &Zone) -> Option<String> {
    at.map(|at| format!("({})", when::written(zone, at)))
}

fn sentence<const N: usize>(parts: [Option<String>; N]) -> String {
    let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

/// Reads a tool call of the model. Times are the wall times of `zone`.
///
/// # Errors
/// The answer for the model, when there is no such tool, or its arguments are not exactly those of it.
pub fn read(name: &str, arguments: &str, zone: &Zone) -> Result<Asked, ToolReply> {
    match name {
        SAVE_LEAD => save_lead(arguments),
        TRANSFER_TO_HUMAN => {
            let label = parse::<TransferToHuman>(arguments)?.to.trim().to_owned();
            Ok(Asked::Transfer(label))
        }
        END_CALL => parse::<EndCall>(arguments).map(|_| Asked::EndCall),
        CHECK_AVAILABILITY => availability(arguments),
        BOOK_APPOINTMENT => book(arguments, zone),
        CREATE_TASK => create_task(arguments, zone),
        TAKE_MESSAGE => take_message(arguments, zone),
        LOOK_UP_KNOWLEDGE => {
            let question = parse::<LookUpKnowledge>(arguments)?.question;
            Ok(Asked::LookUp(required("question", &question, MAX_LINE)?))
        }
        SEND_WHATSAPP => send_whatsapp(arguments),
        _ => Err(ToolReply::refusal("there is no such tool")),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaveLead {
    name: Option<String>,
    intent: Option<String>,
    summary: Option<String>,
    next_step: Option<String>,
    notes: Option<String>,
}

fn save_lead(arguments: &str) -> Result<Asked, ToolReply> {
    let said = parse::<SaveLead>(arguments)?;
    let draft = LeadDraft {
        name: said.name,
        intent: said.intent,
        summary: said.summary,
        next_step: said.next_step,
        notes: said.notes,
    }
    .cleaned();
    if draft == LeadDraft::default() {
        return Err(ToolReply::refusal(
            "nothing to save: give at least one field",
        ));
    }
    Ok(Asked::SaveLead(draft))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferToHuman {
    to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndCall {
    #[serde(rename = "reason")]
    _reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckAvailability {
    day: Option<String>,
}

fn availability(arguments: &str) -> Result<Asked, ToolReply> {
    let day = parse::<CheckAvailability>(arguments)?.day;
    let day = match day.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(day) => Some(day.parse().map_err(|_| {
            ToolReply::refusal("`day` must be a date such as 2026-11-24, or left out")
        })?),
    };
    Ok(Asked::Availability(day))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BookAppointment {
    starts_at: String,
    title: String,
    notes: Option<String>,
}

fn book(arguments: &str, zone: &Zone) -> Result<Asked, ToolReply> {
    let said = parse::<BookAppointment>(arguments)?;
    Ok(Asked::Book(Booking {
        starts_at: time("starts_at", Some(&said.starts_at), zone)?
            .ok_or_else(|| ToolReply::refusal("`starts_at` is missing"))?,
        title: required("title", &said.title, MAX_LINE)?,
        notes: cut(said.notes.as_deref().unwrap_or_default(), MAX_TEXT),
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateTask {
    title: String,
    details: Option<String>,
    due: Option<String>,
}

fn create_task(arguments: &str, zone: &Zone) -> Result<Asked, ToolReply> {
    let said = parse::<CreateTask>(arguments)?;
    Ok(Asked::CreateTask(TaskRequest {
        title: required("title", &said.title, MAX_LINE)?,
        details: cut(said.details.as_deref().unwrap_or_default(), MAX_TEXT),
        due_at: time("due", said.due.as_deref(), zone)?,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TakeMessage {
    message: String,
    recipient: Option<String>,
    call_back_by: Option<String>,
    urgent: Option<bool>,
}

fn take_message(arguments: &str, zone: &Zone) -> Result<Asked, ToolReply> {
    let said = parse::<TakeMessage>(arguments)?;
    let recipient = said.recipient.as_deref().unwrap_or_default();
    Ok(Asked::TakeMessage(MessageForBusiness {
        text: required("message", &said.message, MAX_TEXT)?,
        recipient: cut(&recipient.replace('\n', " "), MAX_LINE),
        call_back_by: time("call_back_by", said.call_back_by.as_deref(), zone)?,
        urgent: said.urgent.unwrap_or(false),
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LookUpKnowledge {
    question: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SendWhatsApp {
    kind: WhatsAppKind,
    text: String,
}

fn send_whatsapp(arguments: &str) -> Result<Asked, ToolReply> {
    let asked = parse::<SendWhatsApp>(arguments)?;
    let text = required("text", &asked.text, MAX_WHATSAPP)?;
    let has_link = text.contains("https://") || text.contains("http://");
    if asked.kind == WhatsAppKind::Link && !has_link {
        return Err(ToolReply::refusal(
            "`text` has no link; a link begins with https://",
        ));
    }
    let kind = asked.kind;
    Ok(Asked::SendWhatsApp(WhatsAppForCaller { kind, text }))
}

/// A time that may be left out, but not be nonsense.
fn time(field: &str, text: Option<&str>, zone: &Zone) -> Result<Option<UnixMillis>, ToolReply> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => when::moment(zone, text).map(Some).ok_or_else(|| {
            ToolReply::refusal(&format!(
                "`{field}` must be a local time such as 2026-11-24T16:00"
            ))
        }),
    }
}

fn required(field: &str, text: &str, max: usize) -> Result<String, ToolReply> {
    let text = cut(text, max);
    if text.is_empty() {
        return Err(ToolReply::refusal(&format!("`{field}` is empty")));
    }
    Ok(text)
}

/// The text without control characters but line ends, trimmed and cut.
fn cut(text: &str, max: usize) -> String {
    let kept = text.chars().filter(|c| !c.is_control() || *c == '\n');
    kept.take(max).collect::<String>().trim().to_owned()
}

/// Parses arguments into exactly the fields a tool has. A list would also fill a struct by position,
/// so only an object is accepted.
fn parse<T: DeserializeOwned>(arguments: &str) -> Result<T, ToolReply> {
    if arguments.len() > MAX_ARGUMENTS {
        return Err(ToolReply::refusal("the arguments are too long"));
    }
    if !arguments.trim_start().starts_with('{') {
        return Err(ToolReply::refusal("the arguments must be a JSON object"));
    }
    serde_json::from_str(arguments).map_err(|_| {
        ToolReply::refusal("the arguments are not those of this tool; read its schema")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prosaas_core::AfterTool;

    use super::*;

    fn ask(name: &str, arguments: &str) -> Result<Asked, ToolReply> {
        read(name, arguments, &Zone::default())
    }

    #[test]
    fn what_was_asked_for_is_read() {
        let four = UnixMillis(1_795_528_800_000);
        let asked = ask(
            BOOK_APPOINTMENT,
            r#"{"starts_at":"2026-11-24T16:00","title":" Brakes\u0000 "}"#,
        );
        let booking = Booking {
            starts_at: four,
            title: "Brakes".to_owned(),
            notes: String::new(),
        };
        assert_eq!(asked, Ok(Asked::Book(booking)));
        let asked = ask(
            TAKE_MESSAGE,
            r#"{"message":"My car","recipient":"Ron","call_back_by":"2026-11-24T16:00","urgent":true}"#,
        );
        let message = MessageForBusiness {
            text: "My car".to_owned(),
            recipient: "Ron".to_owned(),
            call_back_by: Some(four),
            urgent: true,
        };
        assert_eq!(asked, Ok(Asked::TakeMessage(message)));
        let asked = ask(CREATE_TASK, r#"{"title":"Send the offer","due":""}"#);
        assert!(matches!(asked, Ok(Asked::CreateTask(task)) if task.due_at.is_none()));
        let asked = ask(CHECK_AVAILABILITY, r#"{"day":"2026-11-24"}"#);
        assert!(matches!(asked, Ok(Asked::Availability(Some(_)))));
        assert_eq!(ask(CHECK_AVAILABILITY, "{}"), Ok(Asked::Availability(None)));
        let asked = ask(LOOK_UP_KNOWLEDGE, r#"{"question":"prices"}"#);
        assert_eq!(asked, Ok(Asked::LookUp("prices".to_owned())));
        let asked = ask(SEND_WHATSAPP, r#"{"kind":"address","text":" Herzl 1 "}"#);
        let whatsapp = WhatsAppForCaller {
            kind: WhatsAppKind::Address,
            text: "Herzl 1".to_owned(),
        };
        assert_eq!(asked, Ok(Asked::SendWhatsApp(whatsapp)));
    }

    #[test]
    fn what_is_missing_or_nonsense_is_refused_in_words() {
        for (name, arguments) in [
            (BOOK_APPOINTMENT, r#"{"starts_at":"","title":"x"}"#),
            (BOOK_APPOINTMENT, r#"{"starts_at":"at four","title":"x"}"#),
            (
                BOOK_APPOINTMENT,
                r#"{"starts_at":"2026-11-24T16:00","title":" "}"#,
            ),
            (BOOK_APPOINTMENT, r#"{"title":"x"}"#),
            (CREATE_TASK, r#"{"title":""}"#),
            (CREATE_TASK, r#"{"title":"x","due":"soon"}"#),
            (TAKE_MESSAGE, r#"{"message":""}"#),
            (TAKE_MESSAGE, r#"{"message":"x","urgent":"yes"}"#),
            (CHECK_AVAILABILITY, r#"{"day":"tomorrow"}"#),
            (LOOK_UP_KNOWLEDGE, r#"{"question":" \n "}"#),
            (SEND_WHATSAPP, r#"{"kind":"summary","text":" "}"#),
            (SEND_WHATSAPP, r#"{"kind":"advertising","text":"x"}"#),
            (SEND_WHATSAPP, r#"{"kind":"link","text":"look it up"}"#),
        ] {
            assert!(ask(name, arguments).is_err(), "{name} {arguments}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let long = "x".repeat(10_000);
        let asked = ask(TAKE_MESSAGE, &format!(r#"{{"message":"{long}"}}"#));
        assert!(matches!(asked, Ok(Asked::TakeMessage(message)) if message.text.len() == MAX_TEXT));
    }

    const NAMES: [&str; 9] = [
        SAVE_LEAD,
        TRANSFER_TO_HUMAN,
        END_CALL,
        CHECK_AVAILABILITY,
        BOOK_APPOINTMENT,
        CREATE_TASK,
        TAKE_MESSAGE,
        LOOK_UP_KNOWLEDGE,
        SEND_WHATSAPP,
    ];

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_words(
            name in prop_oneof![prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned), "[a-z_]{0,20}"],
            arguments in ".{0,200}",
        ) {
            if let Err(refusal) = ask(&name, &arguments) {
                prop_assert_eq!(&refusal.then, &AfterTool::Continue);
                prop_assert!(refusal.output.contains("error"));
            }
        }

        /// The fields a model might try to reach: whose data it is comes from the call alone.
        #[test]
        fn an_unknown_field_is_never_accepted(
            tool in prop::sample::select(NAMES.to_vec()),
            field in "tenant|tenant_id|lead|lead_id|phone|recipient_number|caller|assignee_id|id|number|[a-z]{13,16}",
        ) {
            let known = r#""name":"x","to":"x","starts_at":"2026-11-24T16:00","title":"x","message":"x","question":"x""#;
            let fields = match tool {
                SAVE_LEAD => r#""name":"x""#,
                TRANSFER_TO_HUMAN => r#""to":"x""#,
                BOOK_APPOINTMENT => r#""starts_at":"2026-11-24T16:00","title":"x""#,
                CREATE_TASK => r#""title":"x""#,
                TAKE_MESSAGE => r#""message":"x""#,
                LOOK_UP_KNOWLEDGE => r#""question":"x""#,
                SEND_WHATSAPP => r#""kind":"summary","text":"x""#,
                _ => r#""reason":"x""#,
            };
            let arguments = format!(r#"{{{fields},"{field}":"x"}}"#);
            prop_assert!(ask(tool, &arguments).is_err());
            let everything = format!("{{{known}}}");
            prop_assert!(ask(tool, &everything).is_err());
        }
    }
}
