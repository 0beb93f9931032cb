//! A file that is being written: beside its place until it is whole.

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::Result;
use prosaas_core::whatsapp::FileSink;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;

use super::{failed, there};
use crate::model::media_type::{HEAD, MediaType};

/// A file on its way to the shelf. One that is neither placed nor discarded leaves a part, which goes with the
/// next try or with the message.
#[derive(Debug)]
pub struct Draft {
    file: File,
    place: PathBuf,
    attempt: u32,
    head: Vec<u8>,
    bytes: u64,
}

/// A file that is on the shelf.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// What it is.
    pub media_type: &'static MediaType,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Draft {
    pub(super) async fn create(place: PathBuf, attempt: u32) -> Result<Self> {
        let file = File::create(part(&place, attempt)).await.map_err(failed)?;
        Ok(Self {
            file,
            place,
            attempt,
            head: Vec::new(),
            bytes: 0,
        })
    }

    /// How many bytes were written.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the file in its place, so that a file that exists is whole; `claimed` is the type that its sender
    /// named.
    ///
    /// # Errors
    /// `Unavailable` when the disk does not take it.
    pub async fn place(mut self, claimed: &str) -> Result<Placed> {
        self.file.flush().await.map_err(failed)?;
        self.file.sync_all().await.map_err(failed)?;
        drop(self.file);
        let own = part(&self.place, self.attempt);
        fs::rename(own, &self.place).await.map_err(failed)?;
        for earlier in 1..self.attempt {
            there(fs::remove_file(part(&self.place, earlier)).await)?;
        }
        Ok(Placed {
            media_type: MediaType::found_in(&self.head, claimed),
            bytes: self.bytes,
        })
    }

    /// Removes what was written. When that fails, the next try begins with an empty file anyway.
    pub async fn discard(self) {
        drop(self.file);
        let _ = fs::remove_file(part(&self.place, self.attempt)).await;
    }
}

#[async_trait]
impl FileSink for Draft {
    async fn write(&mut self, piece: Bytes) -> Result<()> {
        let missing = HEAD.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..missing]);
        self.bytes += piece.len() as u64;
        self.file.write_all(&piece).await.map_err(failed)
    }
}

fn part(place: &std::path::Path, attempt: u32) -> PathBuf {
    place.with_extension(format!("{attempt}.part"))
}
