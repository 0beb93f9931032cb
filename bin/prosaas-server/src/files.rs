//! Files under the data directory. They hold what people said, so they are for the server's user alone.

use std::io;
use std::path::Path;

/// Creates a directory and its parents; those that are created can be entered by their owner only.
///
/// # Errors
/// What the system said.
pub async fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(path).await
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_created_is_for_its_owner_alone() {
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
