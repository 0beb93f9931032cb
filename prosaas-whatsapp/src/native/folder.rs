//! A [`LinkStore`] in a folder of the host's: one file per business, only ever appended to, now and then
//! written anew.
//!
//! A file is a row of frames: the length of the body, the first bytes of its SHA-256, the body. A body is the
//! changes of one write, so a write is there or it is not: what a crash cut off at the end is dropped when the file
//! is opened again. Every write is synced before it counts.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use prosaas_core::{Error, Result, TenantId};
use sha2::{Digest as _, Sha256};

use super::store::{Change, LinkStore, apply, beginning_with};

const ENDING: &str = "link";
const HEAD: usize = 4 + CHECK;
const CHECK: usize = 8;
/// A file that is smaller is not worth writing anew.
const SMALL: u64 = 1 << 20;
/// A file this many times as large as what is in it is written anew.
const WASTE: u64 = 4;
/// No body is longer; a length that says more is damage.
const MAX_BODY: usize = 256 << 20;

/// Businesses' links in a folder. One process at a time: a second one is refused.
///
/// The records of a business whose link is used are held in memory as well, sealed: a link with a thousand
/// conversations has a few megabytes of them.
pub struct FolderLinkStore {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    open: Mutex<HashMap<TenantId, Log>>,
    /// Held as long as the store lives.
    _lock: File,
}

struct Log {
    file: File,
    bytes: u64,
    records: BTreeMap<String, Vec<u8>>,
}

impl fmt::Debug for FolderLinkStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FolderLinkStore")
            .field("folder", &self.inner.folder)
            .finish_non_exhaustive()
    }
}

impl FolderLinkStore {
    /// Opens the folder, and makes it where it is not there.
    ///
    /// # Errors
    /// `Conflict` when another process has it open: two that use one link would ruin it.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(unavailable)?;
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(folder.join("lock"))
            .map_err(unavailable)?;
        lock.try_lock().map_err(|_| Error::Conflict {
            what: "WhatsApp link store",
            detail: "another process uses this folder".to_owned(),
        })?;
        let inner = Inner {
            folder,
            open: Mutex::default(),
            _lock: lock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Reads and syncs where waiting for a disk is allowed.
    async fn work<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Inner) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || act(&inner))
            .await
            .map_err(|error| Error::internal("the link store", error))?
            .map_err(unavailable)
    }
}

fn unavailable(error: io::Error) -> Error {
    Error::unavailable("WhatsApp link store", error)
}

impl Inner {
    fn path(&self, tenant: TenantId) -> PathBuf {
        self.folder.join(format!("{tenant}.{ENDING}"))
    }

    /// Works on a business's log, opened on first use; one that failed is opened again the next time.
    fn with<T>(
        &self,
        tenant: TenantId,
        act: impl FnOnce(&mut Log, &Path) -> io::Result<T>,
    ) -> io::Result<T> {
        let path = self.path(tenant);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut log = match open.remove(&tenant) {
            Some(log) => log,
            None => Log::open(&path)?,
        };
        let done = act(&mut log, &path)?;
        open.insert(tenant, log);
        Ok(done)
    }

    fn write(&self, tenant: TenantId, changes: Vec<Change>) -> io::Result<()> {
        let is_new = !self.path(tenant).exists();
        self.with(tenant, |log, path| {
            log.append(&changes)?;
            apply(&mut log.records, changes);
            log.tidy(path)
        })?;
        if is_new {
            sync_folder(&self.folder)?;
        }
        Ok(())
    }

    fn erase(&self, tenant: TenantId) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&tenant);
        match fs::remove_file(self.path(tenant)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync_folder(&self.folder),
        }
    }

    fn tenants(&self) -> io::Result<Vec<TenantId>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_stem().and_then(OsStr::to_str);
            if path.extension().is_some_and(|ending| ending == ENDING)
                && let Some(tenant) = name.and_then(|name| name.parse().ok())
            {
                found.push(tenant);
            }
        }
        Ok(found)
    }
}

impl Log {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut records = BTreeMap::new();
        let mut rest = bytes.as_slice();
        while let Some((body, after)) = frame(rest) {
            let changes = decode(body)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a link's file"))?;
            apply(&mut records, changes);
            rest = after;
        }
        if is_damaged(rest) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "damaged"));
        }
        let whole = (bytes.len() - rest.len()) as u64;
        if !rest.is_empty() {
            // The write that was under way when the process ended; nobody was told that it was kept.
            file.set_len(whole)?;
            file.sync_all()?;
        }
        Ok(Self {
            file,
            bytes: whole,
            records,
        })
    }

    fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let framed = framed(&encode(changes))?;
        let written = self
            .file
            .write_all(&framed)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What was not kept must not stand before what will be.
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += framed.len() as u64;
        Ok(())
    }

    /// Writes the file anew when most of it is of the past.
    fn tidy(&mut self, path: &Path) -> io::Result<()> {
        let living: usize = self
            .records
            .iter()
            .map(|(place, value)| place.len() + value.len() + 16)
            .sum();
        if self.bytes < SMALL || self.bytes < WASTE * living as u64 {
            return Ok(());
        }
        let all: Vec<Change> = self
            .records
            .iter()
            .map(|(place, value)| Change {
                place: place.clone(),
                value: Some(value.clone()),
            })
            .collect();
        let framed = framed(&encode(&all))?;
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&framed)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        self.file = OpenOptions::new().read(true).append(true).open(path)?;
        self.bytes = framed.len() as u64;
        Ok(())
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn check(body: &[u8]) -> [u8; CHECK] {
    let mut first = [0; CHECK];
    first.copy_from_slice(&Sha256::digest(body)[..CHECK]);
    first
}

fn framed(body: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(body.len())
        .ok()
        .filter(|_| body.len() <= MAX_BODY);
    let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut framed = Vec::with_capacity(HEAD + body.len());
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(&check(body));
    framed.extend_from_slice(body);
    Ok(framed)
}

/// The first whole frame's body, and what follows it.
fn frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<CHECK>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let (body, after) = rest.split_at_checked(length)?;
    (check(body) == *expected).then_some((body, after))
}

/// Whether what is no whole frame is more than a write that was cut off: then nothing is dropped, since what
/// follows may be good. A disk may have made room, as zeros, for what it never got.
fn is_damaged(rest: &[u8]) -> bool {
    let Some((length, after)) = rest.split_first_chunk::<4>() else {
        return false;
    };
    let end = CHECK + u32::from_be_bytes(*length) as usize;
    after.len() > end && rest.iter().any(|byte| *byte != 0)
}

/// Each change: the place with its length, then 0, or 1 and the value with its length.
fn encode(changes: &[Change]) -> Vec<u8> {
    let mut body = Vec::new();
    let part = |body: &mut Vec<u8>, bytes: &[u8]| {
        body.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        body.extend_from_slice(bytes);
    };
    for change in changes {
        part(&mut body, change.place.as_bytes());
        match &change.value {
            None => body.push(0),
            Some(value) => {
                body.push(1);
                part(&mut body, value);
            }
        }
    }
    body
}

fn decode(mut body: &[u8]) -> Option<Vec<Change>> {
    fn part<'a>(body: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        *body = rest;
        Some(part)
    }
    let mut changes = Vec::new();
    while !body.is_empty() {
        let place = String::from_utf8(part(&mut body)?.to_vec()).ok()?;
        let (has_value, rest) = body.split_first()?;
        body = rest;
        let value = match has_value {
            0 => None,
            1 => Some(part(&mut body)?.to_vec()),
            _ => return None,
        };
        changes.push(Change { place, value });
    }
    Some(changes)
}

#[async_trait]
impl LinkStore for FolderLinkStore {
    async fn get(&self, tenant: TenantId, place: &str) -> Result<Option<Vec<u8>>> {
        let place = place.to_owned();
        self.work(move |inner| inner.with(tenant, |log, _| Ok(log.records.get(&place).cloned())))
            .await
    }

    async fn list(&self, tenant: TenantId, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let prefix = prefix.to_owned();
        self.work(move |inner| {
            inner.with(tenant, |log, _| Ok(beginning_with(&log.records, &prefix)))
        })
        .await
    }

    async fn write(&self, tenant: TenantId, changes: Vec<Change>) -> Result<()> {
        self.work(move |inner| inner.write(tenant, changes)).await
    }

    async fn erase(&self, tenant: TenantId) -> Result<()> {
        self.work(move |inner| inner.erase(tenant)).await
    }

    async fn tenants(&self) -> Result<Vec<TenantId>> {
        self.work(Inner::tenants).await
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    fn put(place: &str, value: &[u8]) -> Change {
        Change {
            place: place.to_owned(),
            value: Some(value.to_vec()),
        }
    }

    fn gone(place: &str) -> Change {
        Change {
            place: place.to_owned(),
            value: None,
        }
    }

    fn tenant() -> TenantId {
        TenantId::mint(UnixMillis(1))
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let tenant = tenant();
        let store = FolderLinkStore::open(folder.path()).unwrap();
        let changes = vec![put("a/1", b"one"), put("a/2", b"two"), put("b/1", b"")];
        store.write(tenant, changes).await.unwrap();
        store.write(tenant, vec![gone("a/1")]).await.unwrap();
        drop(store);
        let store = FolderLinkStore::open(folder.path()).unwrap();
        assert_eq!(store.get(tenant, "a/1").await.unwrap(), None);
        let listed = store.list(tenant, "a/").await.unwrap();
        assert_eq!(listed, [("a/2".to_owned(), b"two".to_vec())]);
        assert_eq!(store.get(tenant, "b/1").await.unwrap(), Some(Vec::new()));
        assert_eq!(store.tenants().await.unwrap(), [tenant]);
        store.erase(tenant).await.unwrap();
        store.erase(tenant).await.unwrap();
        assert_eq!(store.tenants().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_second_process_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let _first = FolderLinkStore::open(folder.path()).unwrap();
        assert!(FolderLinkStore::open(folder.path()).is_err());
    }

    #[tokio::test]
    async fn a_write_that_was_cut_off_anywhere_is_not_there_and_the_earlier_ones_are() {
        let folder = tempfile::tempdir().unwrap();
        let tenant = tenant();
        let store = FolderLinkStore::open(folder.path()).unwrap();
        store.write(tenant, vec![put("a", b"1")]).await.unwrap();
        let path = store.inner.path(tenant);
        let first = fs::metadata(&path).unwrap().len();
        let second = vec![put("a", b"2"), put("b", b"2")];
        store.write(tenant, second).await.unwrap();
        drop(store);
        let whole = fs::read(&path).unwrap();
        for cut in first as usize..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let log = Log::open(&path).unwrap();
            assert_eq!(log.records.len(), 1, "cut at {cut}");
            assert_eq!(log.records["a"], b"1", "cut at {cut}");
            assert_eq!(fs::metadata(&path).unwrap().len(), first, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_file_of_the_past_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let tenant = tenant();
        let store = FolderLinkStore::open(folder.path()).unwrap();
        let large = vec![7; 200_000];
        for _ in 0..8 {
            store.write(tenant, vec![put("a", &large)]).await.unwrap();
        }
        let bytes = fs::metadata(store.inner.path(tenant)).unwrap().len();
        assert!(bytes < 1_000_000, "{bytes}");
        store.write(tenant, vec![put("b", b"2")]).await.unwrap();
        drop(store);
        let store = FolderLinkStore::open(folder.path()).unwrap();
        assert_eq!(store.get(tenant, "a").await.unwrap(), Some(large));
        assert_eq!(store.get(tenant, "b").await.unwrap(), Some(b"2".to_vec()));
    }

    #[tokio::test]
    async fn a_file_that_was_damaged_inside_is_not_used_and_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let tenant = tenant();
        let store = FolderLinkStore::open(folder.path()).unwrap();
        for value in [b"1", b"2"] {
            store.write(tenant, vec![put("a", value)]).await.unwrap();
        }
        drop(store);
        let path = folder.path().join(format!("{tenant}.{ENDING}"));
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEAD + 5] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(Log::open(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn changes_come_back_as_they_were_and_nothing_else_is_read() {
        assert_eq!(decode(&[0, 0, 0, 1, b'a', 9]), None);
        assert_eq!(decode(&[0, 0, 0, 9, b'a']), None);
        let body = encode(&[put("a", b"1"), gone("b")]);
        assert_eq!(decode(&body).unwrap(), [put("a", b"1"), gone("b")]);
    }
}
