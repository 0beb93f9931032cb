//! The message that a caller left: heard, and told of.

use std::path::Path;

use prosaas_core::{CallId, Error, ErrorClass, Heard, Language, RecordingSid, Speech};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::voicemail::{ToldBy, Voicemail};
use prosaas_crm::whatsapp::MAX_TRIES;

use super::JobError;
use super::tell::tell;
use crate::calls::{phrases, when};
use crate::wiring::App;

/// Who is told later than this is not told: the message is read in the console by then.
const LATEST_MS: i64 = 24 * 3_600_000;

/// Writes down what is said in a message, and has the business's people told. One that cannot be heard is told of as
/// that.
pub(super) async fn transcribe(
    app: &App,
    scope: &TenantScope,
    (call, recording): (CallId, &RecordingSid),
    attempt: u32,
) -> Result<(), JobError> {
    let Some(left) = app.store.voicemail(scope, call, recording).await? else {
        return Ok(());
    };
    if left.heard_at.is_some() {
        return Ok(());
    }
    let words = match hear(app, scope, &left).await {
        Ok(heard) => {
            app.metrics.usage(&heard.usage);
            Some(heard.text)
        }
        Err(error) if error.class() == ErrorClass::Retry && attempt < MAX_TRIES => {
            return Err(error.into());
        }
        Err(error) => {
            tracing::warn!(%call, error = %error.chain(), "a voicemail could not be heard");
            None
        }
    };
    let noted = app
        .store
        .note_voicemail(scope, (call, recording), words.as_deref());
    noted.await?;
    app.work.notify_one();
    Ok(())
}

async fn hear(app: &App, scope: &TenantScope, left: &Voicemail) -> Result<Heard, Error> {
    let unfit = || {
        Error::invalid(
            "voicemail",
            "expected a stored file of a size that is heard",
        )
    };
    let path = left.path.as_ref().ok_or_else(unfit)?;
    let file = app.config.data_dir.join(path);
    let bytes = read(&file, app.transcriber.most_bytes()).await?;
    let speech = Speech {
        bytes: bytes.ok_or_else(unfit)?.into(),
        media_type: "audio/wav",
        extension: "wav",
        api_key: app.store.secrets(scope).await?.openai_api_key,
    };
    app.transcriber.transcribe(speech).await
}

/// A file's bytes; `None` when it is gone, or larger than `most`.
async fn read(file: &Path, most: u64) -> Result<Option<Vec<u8>>, Error> {
    let bytes = async {
        if tokio::fs::metadata(file).await?.len() > most {
            return Ok(None);
        }
        tokio::fs::read(file).await.map(Some)
    };
    match bytes.await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::unavailable("voicemail", error)),
        Ok(bytes) => Ok(bytes),
    }
}

/// Tells the business's people of a message, once: by WhatsApp, else its owners by mail.
pub(super) async fn tell_of(
    app: &App,
    scope: &TenantScope,
    (call, recording): (CallId, &RecordingSid),
) -> Result<(), JobError> {
    let Some(left) = app.store.voicemail(scope, call, recording).await? else {
        return Ok(());
    };
    if left.told_at.is_some() || app.clock.now().since(left.left_at) > LATEST_MS {
        return Ok(());
    }
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let zone = app.store.settings(scope).await?.hours.time_zone;
    let notice = Notice {
        left: &left,
        at: when::read(&zone, left.left_at),
        link: app.url(&format!("/calls/{call}")),
    };
    if let Some(whatsapp) = &app.whatsapp {
        let text = notice.message(business.language, &business.name);
        let can = whatsapp.capabilities_of(scope.tenant()).await?;
        let written = app
            .store
            .write_of_voicemail(scope, (call, recording), (&text, can));
        if written.await? != ToldBy::Nobody {
            app.work.notify_one();
            return Ok(());
        }
    }
    let owners = app.store.owners_to_alert(scope).await?;
    let content = |language| MailContent::Alert {
        business: business.name.clone(),
        headline: phrases::a_voicemail(language).to_owned(),
        detail: notice.detail(language),
        link: notice.link.clone(),
    };
    tell(app, owners, content).await?;
    app.store.note_voicemail_told(scope, recording).await?;
    Ok(())
}

/// What people are told of a message.
struct Notice<'a> {
    left: &'a Voicemail,
    at: String,
    link: String,
}

impl Notice<'_> {
    /// On WhatsApp, where only whoever would have had the call reads it: with the number, to call back.
    fn message(&self, language: Language, business: &str) -> String {
        let number = self
            .left
            .caller
            .as_ref()
            .map(|number| number.expose().to_owned());
        let headline = phrases::a_voicemail(language);
        let (from, words) = (self.from(language, number), self.words(language));
        let (at, link) = (&self.at, &self.link);
        format!("{business}: {headline}\n{from}, {at}\n{words}\n{link}")
    }

    /// In a mail, which travels in the open: the number is masked.
    fn detail(&self, language: Language) -> String {
        let number = self.left.caller.as_ref().map(ToString::to_string);
        let (from, words) = (self.from(language, number), self.words(language));
        format!("{from}, {at}. {words}", at = self.at)
    }

    fn from(&self, language: Language, number: Option<String>) -> String {
        let number = number.unwrap_or_else(|| phrases::withheld(language).to_owned());
        match &self.left.name {
            Some(name) => format!("{name} ({number})"),
            None => number,
        }
    }

    fn words(&self, language: Language) -> String {
        match &self.left.words {
            Some(words) => format!("\u{201c}{words}\u{201d}"),
            None => phrases::listen_to_it(language).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::{E164, UnixMillis};

    use super::*;

    fn left(name: Option<&str>, words: Option<&str>) -> Voicemail {
        Voicemail {
            caller: Some(E164::parse("+972501234567").unwrap()),
            name: name.map(str::to_owned),
            called: E164::parse("+97231234567").unwrap(),
            began_at: UnixMillis(0),
            left_at: UnixMillis(0),
            duration_ms: None,
            path: None,
            words: words.map(str::to_owned),
            heard_at: None,
            told_at: None,
        }
    }

    fn check(language: Language, left: &Voicemail, message: &str, detail: &str) {
        let notice = Notice {
            left,
            at: "2026-11-24 16:00".to_owned(),
            link: "https://voice.test/calls/1".to_owned(),
        };
        assert_eq!(notice.message(language, "Levi"), message);
        assert_eq!(notice.detail(language), detail);
    }

    #[test]
    fn people_read_who_left_what_and_when() {
        check(
            Language::En,
            &left(None, Some("My boiler leaks")),
            "Levi: A voice message\n+972501234567, 2026-11-24 16:00\n“My boiler leaks”\nhttps://voice.test/calls/1",
            "+972*****4567, 2026-11-24 16:00. “My boiler leaks”",
        );
        check(
            Language::He,
            &left(Some("דנה"), None),
            "Levi: הודעה קולית\nדנה (+972501234567), 2026-11-24 16:00\nאפשר להאזין להודעה במערכת.\nhttps://voice.test/calls/1",
            "דנה (+972*****4567), 2026-11-24 16:00. אפשר להאזין להודעה במערכת.",
        );
        let withheld = Voicemail {
            caller: None,
            ..left(None, None)
        };
        check(
            Language::En,
            &withheld,
            "Levi: A voice message\na withheld number, 2026-11-24 16:00\nIt can be listened to in the console.\nhttps://voice.test/calls/1",
            "a withheld number, 2026-11-24 16:00. It can be listened to in the console.",
        );
    }
}
