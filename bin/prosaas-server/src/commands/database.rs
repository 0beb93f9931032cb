//! `prosaas migrate`, `prosaas backup` and `prosaas restore`.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use prosaas_core::time::SystemClock;
use prosaas_crm::auth::SystemScope;
use prosaas_crm::{BackupSummary, CrmStore};

use crate::config::Config;
use crate::erasures::Erasures;
use crate::ui::Ui;
use crate::wiring;

/// Where a backup is.
#[derive(Debug, Args)]
pub struct BackupFile {
    /// The file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Brings the database up to this version's schema; the server does it at its start as well.
pub async fn migrate(config: &Config, ui: &mut Ui) -> anyhow::Result<()> {
    let store = wiring::open_store(config, Arc::new(SystemClock)).await?;
    store.close().await;
    ui.line("the database is at this version's schema");
    Ok(())
}

/// Writes a backup of the running system into a new file, which its owner alone may read.
pub async fn backup(options: &BackupFile, config: &Config, ui: &mut Ui) -> anyhow::Result<()> {
    let store = wiring::open_store(config, Arc::new(SystemClock)).await?;
    // Under another name until it is whole: what carries the name given is a backup.
    let partial = options.file.with_added_extension("partial");
    let written = write_backup(&store, &partial).await;
    store.close().await;
    let summary = match written {
        Ok(summary) => summary,
        Err(error) => {
            let _ = std::fs::remove_file(&partial);
            return Err(error.context(format!("{} was not written", options.file.display())));
        }
    };
    std::fs::hard_link(&partial, &options.file).with_context(|| {
        format!(
            "{} cannot be written, or exists already",
            options.file.display()
        )
    })?;
    std::fs::remove_file(&partial)?;
    ui.line(told("written", summary));
    Ok(())
}

async fn write_backup(store: &CrmStore, path: &Path) -> anyhow::Result<BackupSummary> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(path)
        .with_context(|| format!("{} cannot be created", path.display()))?;
    let mut out = BufWriter::new(file);
    let written = store.backup(&SystemScope::from_operator(), &mut out).await;
    let summary = written.map_err(|error| anyhow::anyhow!(error.chain()))?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(summary)
}

/// Restores a backup into an empty database.
pub async fn restore(options: &BackupFile, config: &Config, ui: &mut Ui) -> anyhow::Result<()> {
    let path = options.file.display();
    let file = File::open(&options.file).with_context(|| format!("{path} cannot be read"))?;
    let scope = SystemScope::from_operator();
    let target = wiring::store_options(config);
    let restored = CrmStore::restore_backup(&scope, &target, &mut BufReader::new(file)).await;
    let summary =
        restored.map_err(|error| anyhow::anyhow!("{path} was not restored: {}", error.chain()))?;
    ui.line(told("restored", summary));
    let store = wiring::open_store(config, Arc::new(SystemClock)).await?;
    let erased = erase_again(config, &store).await;
    store.close().await;
    let erased = erased.context(
        "the backup was restored, but what was erased since it was written is back: mend what is said below \
         and start the server, which tries again before it answers anybody",
    )?;
    ui.line(format!(
        "erased again: {erased} rows and files of people who were erased"
    ));
    Ok(())
}

/// What was erased since the backup was written, by the tombstones in the data directory and in the backup.
/// Without the key nothing can be found: then nobody was ever erased here.
async fn erase_again(config: &Config, store: &CrmStore) -> anyhow::Result<u64> {
    if !Erasures::has_key(&config.data_dir) {
        let scope = SystemScope::from_operator();
        let known = store.tombstones(&scope).await;
        let known = known.map_err(|error| anyhow::anyhow!(error.chain()))?;
        anyhow::ensure!(
            known.is_empty(),
            "the backup knows of erasures, and erasures.key is not in DATA_DIR: put it and erasures.jsonl there"
        );
        return Ok(0);
    }
    Erasures::open(&config.data_dir)?.replay(store).await
}

fn told(what: &str, summary: BackupSummary) -> String {
    let BackupSummary {
        schema,
        tables,
        rows,
    } = summary;
    format!("{what}: {rows} rows of {tables} tables, schema version {schema}")
}
