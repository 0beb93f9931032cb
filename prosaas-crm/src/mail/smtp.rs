//! Mail by SMTP.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use prosaas_core::{Error, ExposeSecret, Result, SecretString};

use super::{Mail, Mailer, render};
use crate::model::email::EmailAddress;

/// How long one command to the server may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Hands mails to one SMTP server, a connection a mail: the few mails of an installation need no pool.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// For a server such as `smtps://user:password@mail.example.com`, sending from this address.
    ///
    /// # Errors
    /// `Invalid` when the URL or the address cannot be used; neither is repeated.
    pub fn new(url: &SecretString, from_name: &str, from: &EmailAddress) -> Result<Self> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .map_err(|_| Error::invalid("SMTP URL", "expected `smtps://user:password@host`"))?
            .timeout(Some(TIMEOUT))
            .build();
        Ok(Self {
            transport,
            from: Mailbox::new(Some(from_name.to_owned()), address(from)?),
        })
    }

    /// Asks the server whether it would take mail from us: connects and signs in, and sends none.
    ///
    /// # Errors
    /// `Unavailable` with what went wrong, without address or password.
    pub async fn probe(&self) -> Result<()> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::unavailable("mail server", "it does not answer")),
            Err(error) if error.is_permanent() => Err(Error::unavailable(
                "mail server",
                "it refuses us; check user and password",
            )),
            Err(_) => Err(Error::unavailable("mail server", "the connection failed")),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message> {
        let text = render(&mail.content, mail.language);
        let at = Duration::from_millis(u64::try_from(mail.at.0).unwrap_or(0));
        let parts = MultiPart::alternative_plain_html(
            text.plain.expose_secret().to_owned(),
            text.html.expose_secret().to_owned(),
        );
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address(&mail.to)?))
            .date(UNIX_EPOCH + at)
            .message_id(None)
            .subject(text.subject)
            .multipart(parts)
            .map_err(|error| Error::internal("mail", error))
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpMailer")
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<()> {
        let message = self.message(mail)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            // The server's words may repeat the address: they go no further.
            Err(error) if error.is_permanent() => Err(Error::invalid(
                "mail",
                "the mail server refuses this address or mail for good",
            )),
            Err(error) => {
                let cause = if error.is_timeout() {
                    "it did not answer in time"
                } else if error.is_transient() {
                    "it asks to come back later"
                } else {
                    "the connection failed"
                };
                Err(Error::unavailable("mail server", cause))
            }
        }
    }
}

fn address(address: &EmailAddress) -> Result<Address> {
    let invalid = |_| Error::invalid("email", "expected an address mail can be sent to");
    address.expose().parse().map_err(invalid)
}
