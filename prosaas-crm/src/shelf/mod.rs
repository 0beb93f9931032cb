//! Files of messages on disk: one each, under its business and its message's id. What is said of it stands in the
//! message's row; a file without a row is swept away.

mod draft;

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use prosaas_core::{Error, Result, TenantId};
use tokio::fs;
use tokio::io::AsyncReadExt as _;

pub use draft::{Draft, Placed};

use crate::model::id::MessageId;
use crate::model::media_type::{HEAD, MediaType};

/// The folder under the data directory.
const FOLDER: &str = "media";

/// The files of all businesses.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The shelf in a data directory; nothing is created yet.
    pub fn in_data_dir(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join(FOLDER),
        }
    }

    fn of(&self, tenant: TenantId) -> PathBuf {
        self.folder.join(tenant.to_string())
    }

    /// Where a message's file lies, whether it is there or not.
    pub fn path(&self, tenant: TenantId, message: MessageId) -> PathBuf {
        self.of(tenant).join(message.to_string())
    }

    /// Begins to write a message's file. `attempt` counts the tries: a try that was given up for lost and goes
    /// on all the same does not write into another one's file.
    ///
    /// # Errors
    /// `Unavailable` when the disk does not take it.
    pub async fn begin(&self, tenant: TenantId, message: MessageId, attempt: u32) -> Result<Draft> {
        create_private_dir(&self.of(tenant)).await.map_err(failed)?;
        Draft::create(self.path(tenant, message), attempt).await
    }

    /// What a message's file is, by its bytes and then by what is `claimed`; `None` when it is not there.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read.
    pub async fn look(
        &self,
        tenant: TenantId,
        message: MessageId,
        claimed: &str,
    ) -> Result<Option<Placed>> {
        let opened = fs::File::open(self.path(tenant, message)).await;
        let Some(file) = there(opened)? else {
            return Ok(None);
        };
        let bytes = file.metadata().await.map_err(failed)?.len();
        let mut head = Vec::with_capacity(HEAD);
        let read = file.take(HEAD as u64).read_to_end(&mut head).await;
        read.map_err(failed)?;
        Ok(Some(Placed {
            media_type: MediaType::found_in(&head, claimed),
            bytes,
        }))
    }

    /// A message's file, whole; `None` when it is not there or larger than `limit` bytes.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read.
    pub async fn read(
        &self,
        tenant: TenantId,
        message: MessageId,
        limit: u64,
    ) -> Result<Option<Bytes>> {
        let path = self.path(tenant, message);
        let Some(found) = there(fs::metadata(&path).await)? else {
            return Ok(None);
        };
        if found.len() > limit {
            return Ok(None);
        }
        Ok(there(fs::read(&path).await)?.map(Bytes::from))
    }

    /// Removes a message's file, and what tries to write it have left. One that is not there is removed.
    ///
    /// # Errors
    /// `Unavailable` when it stays.
    pub async fn remove(&self, tenant: TenantId, message: MessageId) -> Result<()> {
        for (found, path) in self.list(tenant).await? {
            if found == message {
                there(fs::remove_file(path).await)?;
            }
        }
        Ok(())
    }

    /// Every message of a business of which something lies here.
    ///
    /// # Errors
    /// `Unavailable` when the folder cannot be read.
    pub async fn messages(&self, tenant: TenantId) -> Result<Vec<MessageId>> {
        let listed = self.list(tenant).await?;
        let mut messages: Vec<_> = listed.into_iter().map(|(message, _)| message).collect();
        messages.sort_unstable();
        messages.dedup();
        Ok(messages)
    }

    /// The files of a business whose names begin with a message's id.
    async fn list(&self, tenant: TenantId) -> Result<Vec<(MessageId, PathBuf)>> {
        let Some(mut files) = there(fs::read_dir(self.of(tenant)).await)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        while let Some(file) = files.next_entry().await.map_err(failed)? {
            let name = file.file_name();
            let name = name.to_string_lossy();
            let id = name.split('.').next().unwrap_or_default();
            if let Ok(message) = id.parse() {
                found.push((message, file.path()));
            }
        }
        Ok(found)
    }
}

/// Creates a directory and its parents; those that are created can be entered by their owner only.
///
/// # Errors
/// What the system said.
pub async fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(path).await
}

/// `None` for what is not there.
fn there<T>(result: io::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// The system's error without the path: it names the business.
#[expect(clippy::needless_pass_by_value, reason = "an argument of `map_err`")]
fn failed(error: io::Error) -> Error {
    Error::unavailable("disk", error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use prosaas_core::whatsapp::FileSink as _;
    use prosaas_core::{TenantId, UnixMillis};

    use super::*;

    fn tenant() -> TenantId {
        TenantId::mint(UnixMillis(1))
    }

    #[tokio::test]
    async fn a_file_is_there_when_it_is_whole_and_private_to_its_business() {
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = Shelf::in_data_dir(folder.path());
        let (ours, message) = (tenant(), MessageId::mint(UnixMillis(2)));
        let mut draft = shelf.begin(ours, message, 1).await.unwrap();
        draft
            .write(Bytes::from_static(b"\x89PNG\r\n"))
            .await
            .unwrap();
        assert_eq!(shelf.read(ours, message, 99).await.unwrap(), None);
        draft
            .write(Bytes::from_static(b"\x1a\nrest"))
            .await
            .unwrap();
        let placed = draft.place("text/html").await.unwrap();
        assert_eq!((placed.media_type.name, placed.bytes), ("image/png", 12));
        let whole = shelf.read(ours, message, 12).await.unwrap().unwrap();
        assert_eq!(&whole[..], b"\x89PNG\r\n\x1a\nrest");
        assert_eq!(shelf.read(ours, message, 11).await.unwrap(), None);
        assert_eq!(shelf.read(tenant(), message, 99).await.unwrap(), None);
        shelf.remove(ours, message).await.unwrap();
        shelf.remove(ours, message).await.unwrap();
        assert_eq!(shelf.messages(ours).await.unwrap(), []);
    }

    #[tokio::test]
    async fn what_a_try_left_goes_with_the_one_that_succeeds_or_with_the_message() {
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = Shelf::in_data_dir(folder.path());
        let (ours, message) = (tenant(), MessageId::mint(UnixMillis(2)));
        // A process that died in the middle of it.
        let mut lost = shelf.begin(ours, message, 1).await.unwrap();
        lost.write(Bytes::from_static(b"half")).await.unwrap();
        drop(lost);
        assert_eq!(shelf.messages(ours).await.unwrap(), [message]);
        let mut draft = shelf.begin(ours, message, 2).await.unwrap();
        draft.write(Bytes::from_static(b"whole")).await.unwrap();
        draft.place("").await.unwrap();
        let files = std::fs::read_dir(shelf.of(ours)).unwrap();
        assert_eq!(files.count(), 1);
        let mut given_up = shelf.begin(ours, message, 3).await.unwrap();
        given_up.write(Bytes::from_static(b"x")).await.unwrap();
        given_up.discard().await;
        assert_eq!(std::fs::read_dir(shelf.of(ours)).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_is_created_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("recordings/ten_1");
        create_private_dir(&path).await.unwrap();
        create_private_dir(&path).await.unwrap();
        for created in [path.as_path(), path.parent().unwrap()] {
            let mode = std::fs::metadata(created).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", created.display());
        }
    }
}
