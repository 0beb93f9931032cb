//! What the doctor says of the database and of what is sealed in it.

use std::sync::Arc;

use prosaas_core::ExposeSecret as _;
use prosaas_core::time::SystemClock;
use prosaas_crm::auth::SystemScope;
use prosaas_crm::store::accounts::Seals;
use prosaas_crm::{CrmStore, Jobs as _};
use url::Url;

use super::{Report, Verdict};
use crate::config::Config;
use crate::wiring;

/// Looked at by the operator.
const INSTALLATION: SystemScope = SystemScope::from_operator();

/// Opens the database, and looks at how it keeps businesses apart and whether its secrets open.
pub(super) async fn database(report: &mut Report, config: &Config) {
    urls(report, config);
    match wiring::master_keys(config) {
        Ok(_) => {}
        Err(error) => return report.add(Verdict::Fail, format!("{error:#}")),
    }
    let store = match wiring::connect(config, Arc::new(SystemClock)).await {
        Ok(store) => store,
        Err(error) => return report.check("database opens", Err(format!("{error:#}"))),
    };
    let jobs = store.count_jobs(&INSTALLATION).await.map(drop);
    report.check("database opens", jobs.map_err(|error| error.chain()));
    isolation(report, config, &store).await;
    secrets(report, config, &store).await;
    store.close().await;
}

/// Whether the two URLs fit each other. Nothing of them is printed but the names of roles.
fn urls(report: &mut Report, config: &Config) {
    let url = config.database_url.expose_secret();
    let direct = config.database_url_direct.as_ref();
    if url.starts_with("sqlite:") {
        if direct.is_some() {
            report.add(
                Verdict::Warn,
                "DATABASE_URL_DIRECT is not used: DATABASE_URL names a SQLite file",
            );
        }
        return;
    }
    let role = |url: &str| Url::parse(url).ok().map(|url| url.username().to_owned());
    let Some(direct) = direct else {
        return report.add(
            Verdict::Warn,
            "DATABASE_URL_DIRECT is not set: set it to the role that owns the tables, or run `prosaas migrate` with it before each new version",
        );
    };
    match (role(url), role(direct.expose_secret())) {
        (Some(application), Some(owner)) if application == owner => report.add(
            Verdict::Fail,
            format!("DATABASE_URL and DATABASE_URL_DIRECT name the same role `{owner}`: the application's role must not own the tables"),
        ),
        _ => report.add(Verdict::Ok, "migrations run as a role of their own"),
    }
}

async fn isolation(report: &mut Report, config: &Config, store: &CrmStore) {
    let isolation = match store.audit_isolation().await {
        Ok(isolation) => isolation,
        Err(error) => return report.check("database isolates businesses", Err(error.chain())),
    };
    if isolation.holds() {
        return report.add(Verdict::Ok, isolation.to_string());
    }
    let verdict = if config.is_production() {
        Verdict::Fail
    } else {
        Verdict::Warn
    };
    for problem in isolation.problems {
        report.add(verdict, format!("database does not isolate: {problem}"));
    }
}

async fn secrets(report: &mut Report, config: &Config, store: &CrmStore) {
    if config.master_key.is_none() {
        return report.add(
            Verdict::Warn,
            "PROSAAS_MASTER_KEY is not set: businesses can have no keys of their own and no webhooks, and people no authenticator app and no notifications",
        );
    }
    let seals = match store.count_seals(&INSTALLATION).await {
        Ok(seals) => seals,
        Err(error) => return report.check("sealed secrets open", Err(error.chain())),
    };
    let Seals {
        current,
        older,
        unreadable,
        ..
    } = seals;
    if unreadable > 0 {
        report.add(
            Verdict::Fail,
            format!("{unreadable} sealed secrets do not open with PROSAAS_MASTER_KEY: put the key they were sealed under behind the current one, or have them set again"),
        );
    }
    if older > 0 {
        report.add(
            Verdict::Warn,
            format!("{older} sealed secrets are under an older master key: keep it until the server has sealed them again, within an hour of its start"),
        );
    }
    if unreadable == 0 {
        report.add(
            Verdict::Ok,
            format!(
                "PROSAAS_MASTER_KEY opens all {} sealed secrets",
                current + older
            ),
        );
    }
}
