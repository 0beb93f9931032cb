//! Mail by SMTP, to a server of our own.

use prosaas_core::{ErrorClass, Language, SecretString, UnixMillis};
use prosaas_crm::mail::{Mail, MailContent, Mailer, SmtpMailer};
use prosaas_crm::model::email::EmailAddress;
use prosaas_crm::testkit::smtp::{FakeSmtp, Mood, ReceivedMail};

const LINK: &str =
    "https://crm.example.com/reset?token=abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

fn reset(language: Language) -> Mail {
    Mail {
        to: EmailAddress::parse("dana@example.com").unwrap(),
        language,
        content: MailContent::PasswordReset {
            link: SecretString::from(LINK),
        },
        at: UnixMillis(1_800_000_000_000),
    }
}

fn mailer(server: &FakeSmtp) -> SmtpMailer {
    let url = SecretString::from(server.url());
    let from = EmailAddress::parse("crm@example.com").unwrap();
    SmtpMailer::new(&url, "מוסך דוד", &from).unwrap()
}

async fn received(mail: Mail) -> ReceivedMail {
    let server = FakeSmtp::start(Mood::Takes).await.unwrap();
    mailer(&server).send(&mail).await.unwrap();
    let mut mails = server.take();
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

#[tokio::test]
async fn a_mail_arrives_with_its_envelope_and_ascii_headers() {
    let mail = received(reset(Language::He)).await;
    assert_eq!(mail.from, "crm@example.com");
    assert_eq!(mail.to, ["dana@example.com"]);
    let (headers, body) = mail.data.split_once("\r\n\r\n").unwrap();
    assert!(
        headers.is_ascii(),
        "names and subject are encoded words: {headers}"
    );
    assert!(headers.contains("Subject: =?utf-8?"), "{headers}");
    assert!(
        headers.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000"),
        "{headers}"
    );
    assert!(headers.contains("multipart/alternative"), "{headers}");
    assert!(body.contains("text/plain; charset=utf-8"));
    assert!(body.contains("text/html; charset=utf-8"));
}

#[tokio::test]
async fn a_link_is_whole_in_plain_text() {
    let mail = received(reset(Language::En)).await;
    // Quoted-printable breaks long lines with `=` and writes `=` as `=3D`.
    let unfolded = mail.data.replace("=\r\n", "").replace("=3D", "=");
    assert!(unfolded.contains(LINK), "{unfolded}");
}

#[tokio::test]
async fn a_busy_server_is_tried_again_and_a_refusal_is_not() {
    for (mood, class) in [
        (Mood::Busy, ErrorClass::Retry),
        (Mood::Refuses, ErrorClass::Invalid),
    ] {
        let server = FakeSmtp::start(mood).await.unwrap();
        let error = mailer(&server)
            .send(&reset(Language::En))
            .await
            .unwrap_err();
        assert_eq!(error.class(), class, "{mood:?}");
        assert!(!error.chain().contains("dana"), "{}", error.chain());
        assert!(server.take().is_empty());
    }
}

#[tokio::test]
async fn an_absent_server_is_tried_again() {
    let server = FakeSmtp::start(Mood::Takes).await.unwrap();
    let mailer = mailer(&server);
    drop(server);
    let error = mailer.send(&reset(Language::En)).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry);
}

#[test]
fn a_url_that_cannot_be_used_is_refused_without_repeating_its_password() {
    let from = EmailAddress::parse("crm@example.com").unwrap();
    for bad in ["ftp://u:canary@host", "canary"] {
        let error = SmtpMailer::new(&SecretString::from(bad), "x", &from).unwrap_err();
        assert!(!error.chain().contains("canary"));
    }
}
