//! What remembers erasures outside of the database: a key, and keyed hashes of what was erased.
//!
//! Two files in the data directory. `erasures.key` holds 32 random bytes as hexadecimal digits and is made
//! with the first erasure; `erasures.jsonl` has a line a tombstone and only grows. Neither is in a backup of
//! the database, so that an older one, restored, is told what it has to forget again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use async_trait::async_trait;
use prosaas_core::{CallId, CallRecord, Error, TenantId, UnixMillis};
use prosaas_crm::auth::SystemScope;
use prosaas_crm::model::privacy::Tombstone;
use prosaas_crm::{CrmStore, ErasureKey, TombstoneKeeper};
use serde::{Deserialize, Serialize};

use crate::calls::journal;
use crate::jobs::RECORDINGS;
use crate::standby;

const KEY: &str = "erasures.key";
const TOMBSTONES: &str = "erasures.jsonl";

/// A tombstone as a line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tenant: TenantId,
    hash: String,
    erased_at: UnixMillis,
}

/// The two files of a data directory.
#[derive(Debug)]
pub struct Erasures {
    data_dir: PathBuf,
    key: ErasureKey,
}

impl Erasures {
    /// Opens them; the key is made if there is none.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the key is not one of ours.
    pub fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(KEY);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(&path),
            read => read,
        };
        let text = text.with_context(|| format!("{} cannot be used", path.display()))?;
        let bytes = unhex(text.trim());
        let bytes = bytes.with_context(|| {
            format!(
                "{} must hold 64 hexadecimal digits: put the one back that belongs to erasures.jsonl",
                path.display()
            )
        })?;
        Ok(Self {
            data_dir: data_dir.to_owned(),
            key: ErasureKey::new(bytes),
        })
    }

    /// Whether anybody was ever erased here.
    pub fn has_key(data_dir: &Path) -> bool {
        data_dir.join(KEY).exists() || data_dir.join(TOMBSTONES).exists()
    }

    /// The key.
    pub const fn key(&self) -> &ErasureKey {
        &self.key
    }

    /// Every tombstone of the file. A line that a crash cut off is left out: its erasure was not done.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tombstones(&self) -> anyhow::Result<Vec<Tombstone>> {
        let path = self.data_dir.join(TOMBSTONES);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.with_context(|| format!("{} cannot be read", path.display()))?,
        };
        let mut tombstones = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let parsed = serde_json::from_str::<Line>(line).ok();
            if let Some((hash, line)) = parsed.and_then(|line| Some((unhex(&line.hash)?, line))) {
                tombstones.push(Tombstone {
                    tenant: line.tenant,
                    hash,
                    erased_at: line.erased_at,
                });
            } else {
                tracing::warn!("a line of erasures.jsonl cannot be read and is left out");
            }
        }
        Ok(tombstones)
    }

    /// Erases again what the tombstones stand for, in the database and among the files of calls. Returns how
    /// many rows and files that were.
    ///
    /// # Errors
    /// When the database or a file fails; another run does the rest.
    pub async fn replay(&self, store: &CrmStore) -> anyhow::Result<u64> {
        let kept = self.tombstones()?;
        let scope = SystemScope::from_operator();
        let rows = store.replay_erasures(&scope, &self.key, &kept).await;
        let rows = rows.map_err(|error| anyhow::anyhow!(error.chain()))?;
        let known = store.tombstones(&scope).await;
        let known = known.map_err(|error| anyhow::anyhow!(error.chain()))?;
        Ok(rows + self.sweep(&known)?)
    }

    /// [`Erasures::replay`], if the file knows of an erasure that the database does not: somebody restored
    /// an older state of it by other means than ours.
    ///
    /// # Errors
    /// As [`Erasures::replay`].
    pub async fn replay_if_behind(data_dir: &Path, store: &CrmStore) -> anyhow::Result<u64> {
        if !data_dir.join(TOMBSTONES).exists() {
            return Ok(0);
        }
        let erasures = Self::open(data_dir)?;
        let known = store.tombstones(&SystemScope::from_operator()).await;
        let known = known.map_err(|error| anyhow::anyhow!(error.chain()))?;
        let known: std::collections::HashSet<_> = known
            .iter()
            .map(|stone| (stone.tenant, stone.hash))
            .collect();
        let kept = erasures.tombstones()?;
        if kept
            .iter()
            .all(|stone| known.contains(&(stone.tenant, stone.hash)))
        {
            return Ok(0);
        }
        erasures.replay(store).await
    }

    /// Who was erased here, to be asked about calls that are not in the database yet.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn graves(data_dir: &Path) -> anyhow::Result<Graves> {
        if !data_dir.join(TOMBSTONES).exists() {
            return Ok(Graves::default());
        }
        let erasures = Self::open(data_dir)?;
        let mut stones = HashMap::new();
        for stone in erasures.tombstones()? {
            let at = stones.entry((stone.tenant, stone.hash));
            let at = at.or_insert(stone.erased_at);
            *at = stone.erased_at.max(*at);
        }
        Ok(Graves {
            key: Some(erasures.key),
            stones,
        })
    }

    /// Removes recordings and journals of calls that were erased; their names begin with the call's id.
    fn sweep(&self, tombstones: &[Tombstone]) -> anyhow::Result<u64> {
        let mut removed = 0;
        let graves: std::collections::HashSet<_> = tombstones
            .iter()
            .map(|stone| (stone.tenant, stone.hash))
            .collect();
        for folder in [RECORDINGS, journal::FOLDER, standby::FOLDER] {
            for directory in entries(&self.data_dir.join(folder))? {
                let name = directory.file_name().to_string_lossy().into_owned();
                let Ok(tenant) = name.parse::<TenantId>() else {
                    continue;
                };
                for file in entries(&directory.path())? {
                    let Some(call) = call_of(&file.file_name().to_string_lossy()) else {
                        continue;
                    };
                    let hash = self.key.call(tenant, call);
                    let hash = hash.map_err(|error| anyhow::anyhow!(error.chain()))?;
                    if graves.contains(&(tenant, hash)) {
                        std::fs::remove_file(file.path())?;
                        removed += 1;
                    }
                }
            }
        }
        Ok(removed)
    }
}

/// Who was erased, and when.
#[derive(Debug, Default)]
pub struct Graves {
    key: Option<ErasureKey>,
    stones: HashMap<(TenantId, [u8; 32]), UnixMillis>,
}

impl Graves {
    /// Whether the call, or who called, was erased after it came in.
    ///
    /// # Errors
    /// None that can happen.
    pub fn cover(&self, call: &CallRecord) -> Result<bool, Error> {
        let Some(key) = &self.key else {
            return Ok(false);
        };
        let (tenant, came_at) = (call.tenant, call.call.started_at);
        let erased = |hash: [u8; 32]| {
            let at = self.stones.get(&(tenant, hash));
            at.is_some_and(|at| came_at <= *at)
        };
        if erased(key.call(tenant, call.id)?) {
            return Ok(true);
        }
        match &call.call.caller {
            Some(caller) => Ok(erased(key.number(tenant, caller)?)),
            None => Ok(false),
        }
    }
}

#[async_trait]
impl TombstoneKeeper for Erasures {
    async fn keep(&self, tombstones: &[Tombstone]) -> Result<(), Error> {
        let mut text = String::new();
        for stone in tombstones {
            let line = Line {
                tenant: stone.tenant,
                hash: hex(&stone.hash),
                erased_at: stone.erased_at,
            };
            let line = serde_json::to_string(&line)
                .map_err(|error| Error::internal("tombstone", error))?;
            text.push_str(&line);
            text.push('\n');
        }
        let path = self.data_dir.join(TOMBSTONES);
        let written = tokio::task::spawn_blocking(move || append(&path, &text)).await;
        written
            .map_err(|error| Error::internal("tombstone", error))?
            .map_err(|error| Error::unavailable("erasures.jsonl", error))
    }
}

/// Behind a line that a crash cut off, a new one begins.
fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private().read(true).append(true).create(true).open(path)?;
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn make_key(path: &Path) -> io::Result<String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if folder.join(TOMBSTONES).exists() {
        let lost = "it is missing, and without it erasures.jsonl says nothing: put it back";
        return Err(io::Error::other(lost));
    }
    std::fs::create_dir_all(folder)?;
    let text = hex(&ErasureKey::generate().map_err(io::Error::other)?);
    let mut file: File = private().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(text)
}

/// A file for the server's user alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn entries(directory: &Path) -> io::Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The call that a file belongs to: its name begins with the id.
fn call_of(name: &str) -> Option<CallId> {
    let end = name
        .char_indices()
        .find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '_');
    name[..end.map_or(name.len(), |(at, _)| at)].parse().ok()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stone(byte: u8) -> Tombstone {
        Tombstone {
            tenant: TenantId::mint(UnixMillis(1)),
            hash: [byte; 32],
            erased_at: UnixMillis(7),
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_there_after_a_restart_and_a_cut_line_harms_no_other() {
        let directory = tempfile::TempDir::new().unwrap();
        let (one, two) = (stone(1), stone(2));
        let erasures = Erasures::open(directory.path()).unwrap();
        erasures.keep(std::slice::from_ref(&one)).await.unwrap();
        let mut file = OpenOptions::new()
            .append(true)
            .open(directory.path().join(TOMBSTONES))
            .unwrap();
        file.write_all(b"{\"tenant\":\"ten_").unwrap();
        let again = Erasures::open(directory.path()).unwrap();
        again.keep(std::slice::from_ref(&two)).await.unwrap();
        assert_eq!(again.tombstones().unwrap(), [one.clone(), two]);
        let call = CallId::mint(UnixMillis(3));
        assert_eq!(
            erasures.key().call(one.tenant, call).unwrap(),
            again.key().call(one.tenant, call).unwrap(),
            "the key is the same"
        );
    }

    #[test]
    fn files_of_erased_calls_go_and_others_stay() {
        let directory = tempfile::TempDir::new().unwrap();
        let erasures = Erasures::open(directory.path()).unwrap();
        let tenant = TenantId::mint(UnixMillis(1));
        let (gone, kept) = (CallId::mint(UnixMillis(1)), CallId::mint(UnixMillis(2)));
        let folder = directory.path().join(RECORDINGS).join(tenant.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        for call in [gone, kept] {
            std::fs::write(folder.join(format!("{call}.wav")), b"RIFF").unwrap();
            std::fs::write(folder.join(format!("{call}-RE1.wav")), b"RIFF").unwrap();
        }
        let stone = Tombstone {
            tenant,
            hash: erasures.key().call(tenant, gone).unwrap(),
            erased_at: UnixMillis(9),
        };
        assert_eq!(erasures.sweep(&[stone]).unwrap(), 2);
        assert!(!folder.join(format!("{gone}.wav")).exists());
        assert!(folder.join(format!("{kept}-RE1.wav")).exists());
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let directory = tempfile::TempDir::new().unwrap();
        std::fs::write(directory.path().join(KEY), "too short").unwrap();
        assert!(Erasures::open(directory.path()).is_err());
    }
}
