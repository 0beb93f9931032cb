//! Recordings: fetch the audio, delete.

use std::time::Duration;

use prosaas_core::RecordingSid;
use reqwest::Method;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{Client, Error, Repeat, Request};

/// Longest time for one try to fetch a recording: an hour of dual-channel audio is about 115 MB.
const FETCH_TIMEOUT: Duration = Duration::from_mins(5);

impl Client {
    /// Fetches the audio of a recording as WAV and writes it to `writer`; returns the number of bytes.
    ///
    /// The address is built from the SID, never taken from a callback, so that the credentials cannot be
    /// sent elsewhere. A recording may be missing for a short while after its callback: 404 is tried again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it stays missing; [`Error::TooLarge`] above `max_bytes`. When it fails after
    /// the first byte, `writer` holds a part: start again with an empty one.
    pub async fn fetch_recording<W>(
        &self,
        recording: &RecordingSid,
        max_bytes: u64,
        writer: &mut W,
    ) -> Result<u64, Error>
    where
        W: AsyncWrite + Unpin + Send + ?Sized,
    {
        const WHAT: &str = "recording";
        let url = self.account_url(&format!("Recordings/{recording}.wav"));
        let mut request = Self::get(WHAT, url);
        request.repeat = Repeat::UntilFound;
        request.timeout = FETCH_TIMEOUT;
        let mut response = self.send(&request).await?;

        let too_large = Error::TooLarge {
            what: WHAT,
            limit: max_bytes,
        };
        if response
            .content_length()
            .is_some_and(|length| length > max_bytes)
        {
            return Err(too_large);
        }
        let mut written = 0;
        loop {
            let chunk = response.chunk().await.map_err(|error| Error::Unavailable {
                what: WHAT,
                detail: error.without_url().to_string(),
            })?;
            let Some(chunk) = chunk else { break };
            written += chunk.len() as u64;
            if written > max_bytes {
                return Err(too_large);
            }
            writer
                .write_all(&chunk)
                .await
                .map_err(|source| Error::Write { what: WHAT, source })?;
        }
        writer
            .flush()
            .await
            .map_err(|source| Error::Write { what: WHAT, source })?;
        Ok(written)
    }

    /// Deletes a recording at Twilio. One that is not there counts as deleted.
    pub async fn delete_recording(&self, recording: &RecordingSid) -> Result<(), Error> {
        let request = Request {
            method: Method::DELETE,
            ..Self::get(
                "the deletion of a recording",
                self.account_url(&format!("Recordings/{recording}.json")),
            )
        };
        match self.send(&request).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
