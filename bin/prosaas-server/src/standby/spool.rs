//! The files: one for each call that has left something, `<tenant>/<call>.jsonl`.
//!
//! They hold numbers and words, so they are kept as journals are: in directories that the server's user
//! alone may enter, named by the call, so that erasing the call removes them. What was appended is on the
//! disk when the append returns.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use prosaas_core::{CallId, TenantId};

/// The folder under the data directory.
pub const FOLDER: &str = "write-behind";
const SUFFIX: &str = ".jsonl";
/// What the name of a file ends with whose content the store refused.
const REFUSED: &str = ".refused";

/// The files of a data directory. Every method blocks.
#[derive(Clone, Debug)]
pub(super) struct Spool {
    root: PathBuf,
}

/// A file that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) tenant: TenantId,
    pub(super) call: CallId,
    pub(super) bytes: u64,
}

impl Spool {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self {
            root: data_dir.join(FOLDER),
        }
    }

    fn path(&self, tenant: TenantId, call: CallId) -> PathBuf {
        self.root
            .join(tenant.to_string())
            .join(format!("{call}{SUFFIX}"))
    }

    /// Adds a line to a call's file, which begins with `head`, and returns when it is on the disk.
    pub(super) fn append(
        &self,
        (tenant, call): (TenantId, CallId),
        head: &str,
        line: &str,
    ) -> io::Result<()> {
        let path = self.path(tenant, call);
        let directory = path.parent().unwrap_or(&self.root);
        private_directory(directory)?;
        let mut file = private_file()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)?;
        let is_new = !has_head(&mut file)?;
        if is_new {
            // Nothing in it was ever acknowledged.
            file.set_len(0)?;
            file.write_all([head, line].concat().as_bytes())?;
        } else {
            begin_line(&mut file)?;
            file.write_all(line.as_bytes())?;
        }
        file.sync_all()?;
        if is_new {
            for made in [
                directory,
                self.root.as_path(),
                self.root.parent().unwrap_or(&self.root),
            ] {
                File::open(made)?.sync_all()?;
            }
        }
        Ok(())
    }

    /// What a call has left; nothing when there is no file, as after its erasure.
    pub(super) fn read(&self, tenant: TenantId, call: CallId) -> io::Result<String> {
        match std::fs::read(self.path(tenant, call)) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error),
        }
    }

    /// Everything of the call is stored.
    pub(super) fn remove(&self, tenant: TenantId, call: CallId) -> io::Result<()> {
        match std::fs::remove_file(self.path(tenant, call)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Puts aside what the store refused, for somebody to look at. Its name still begins with the call's id.
    pub(super) fn set_aside(&self, tenant: TenantId, call: CallId) -> io::Result<()> {
        let path = self.path(tenant, call);
        let mut aside = path.clone().into_os_string();
        aside.push(REFUSED);
        let aside = PathBuf::from(aside);
        if aside.exists() {
            let more = std::fs::read(&path)?;
            private_file().append(true).open(&aside)?.write_all(&more)?;
            return std::fs::remove_file(&path);
        }
        std::fs::rename(path, aside)
    }

    /// Every call that has left something, the oldest first.
    pub(super) fn scan(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for directory in entries(&self.root)? {
            let Ok(tenant) = directory.file_name().to_string_lossy().parse() else {
                continue;
            };
            for file in entries(&directory.path())? {
                let name = file.file_name().to_string_lossy().into_owned();
                let call = name.strip_suffix(SUFFIX).map(str::parse);
                if let Some(Ok(call)) = call {
                    let bytes = file.metadata()?.len();
                    found.push(Found {
                        tenant,
                        call,
                        bytes,
                    });
                }
            }
        }
        // Ids begin with the time at which they were minted.
        found.sort_by_key(|found| found.call);
        Ok(found)
    }
}

/// Whether the first line is whole.
fn has_head(file: &mut File) -> io::Result<bool> {
    let mut first = Vec::new();
    file.rewind()?;
    io::BufReader::new(file).read_until(b'\n', &mut first)?;
    Ok(first.ends_with(b"\n"))
}

/// Behind a line that a crash cut off, a new one begins.
fn begin_line(file: &mut File) -> io::Result<()> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(())
}

fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private_file() -> OpenOptions {
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

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    fn call(at: i64) -> (TenantId, CallId) {
        (TenantId::mint(UnixMillis(1)), CallId::mint(UnixMillis(at)))
    }

    #[test]
    fn what_was_appended_is_found_again_and_read_in_order() {
        let directory = tempfile::TempDir::new().unwrap();
        let spool = Spool::new(directory.path());
        assert_eq!(spool.scan().unwrap(), []);
        let ((tenant, late), (_, early)) = (call(9_000), call(2_000));
        spool.append((tenant, late), "h\n", "a\n").unwrap();
        spool.append((tenant, late), "h\n", "b\n").unwrap();
        spool.append((tenant, early), "h\n", "c\n").unwrap();
        let found = Spool::new(directory.path()).scan().unwrap();
        let calls: Vec<_> = found
            .iter()
            .map(|found| (found.call, found.bytes))
            .collect();
        assert_eq!(calls, [(early, 4), (late, 6)]);
        assert_eq!(spool.read(tenant, late).unwrap(), "h\na\nb\n");
        spool.remove(tenant, late).unwrap();
        spool.remove(tenant, late).unwrap();
        assert_eq!(spool.read(tenant, late).unwrap(), "");
    }

    #[test]
    fn behind_a_cut_line_a_new_one_begins_and_a_cut_head_begins_again() {
        let directory = tempfile::TempDir::new().unwrap();
        let spool = Spool::new(directory.path());
        for (left, then) in [
            ("", "h\na\n"),
            ("h", "h\na\n"),
            ("h\n", "h\na\n"),
            ("h\nb", "h\nb\na\n"),
            ("h\nb\n", "h\nb\na\n"),
        ] {
            let (tenant, call) = call(1);
            let path = spool.path(tenant, call);
            private_directory(path.parent().unwrap()).unwrap();
            std::fs::write(&path, left).unwrap();
            spool.append((tenant, call), "h\n", "a\n").unwrap();
            assert_eq!(spool.read(tenant, call).unwrap(), then, "after {left:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_are_for_the_servers_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::TempDir::new().unwrap();
        let spool = Spool::new(directory.path());
        let (tenant, call) = call(1);
        spool.append((tenant, call), "h\n", "a\n").unwrap();
        let path = spool.path(tenant, call);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&spool.root), 0o700);
    }

    #[test]
    fn what_was_refused_is_put_aside_and_not_tried_again() {
        let directory = tempfile::TempDir::new().unwrap();
        let spool = Spool::new(directory.path());
        let (tenant, call) = call(1);
        for line in ["a\n", "b\n"] {
            spool.append((tenant, call), "h\n", line).unwrap();
            spool.set_aside(tenant, call).unwrap();
        }
        assert_eq!(spool.scan().unwrap(), []);
        let aside = spool.path(tenant, call).with_extension("jsonl.refused");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "h\na\nh\nb\n");
    }
}
