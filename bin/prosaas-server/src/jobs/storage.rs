//! Tells a business's owners that most of what its files may take is taken.

use prosaas_core::Language;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::storage::StorageUse;

use super::JobError;
use super::tell::alert_owners;
use crate::wiring::App;

/// Looks whether the owners are to be told, after something was stored. What was stored stays so, whatever comes of
/// it: the next file looks again.
pub(super) async fn look(app: &App, scope: &TenantScope) {
    if let Err(error) = app.store.warn_of_storage(scope).await {
        tracing::warn!(error = %error.chain(), "it was not looked how much files take");
    }
}

/// Sends the mail, unless there is room again.
pub(super) async fn warn(app: &App, scope: &TenantScope) -> Result<(), JobError> {
    let used = app.store.storage_use(scope).await?;
    if !used.is_nearly_full() {
        return Ok(());
    }
    let words = |language| words(language, &used);
    alert_owners(app, scope, "/agent", words).await
}

/// What happened, in the reader's language.
fn words(language: Language, used: &StorageUse) -> (String, String) {
    let (taken, limit) = (gigabytes(used.used_bytes), gigabytes(used.limit_bytes));
    let is_full = used.left() == 0;
    let headline = match (language, is_full) {
        (Language::He, true) => "אין יותר מקום לקבצים".to_owned(),
        (Language::He, false) => "המקום לקבצים כמעט נגמר".to_owned(),
        (Language::En, true) => "There is no room for files any more".to_owned(),
        (Language::En, false) => "There is little room left for files".to_owned(),
    };
    let detail = match language {
        Language::He => format!(
            "קבצים והקלטות תופסים {taken} GB מתוך {limit} GB. כשהמקום נגמר, קבצים שמגיעים בוואטסאפ לא נשמרים ואי אפשר \
             לשלוח קבצים. אפשר להגדיל את המגבלה, או לקצר את הזמן שבו קבצים נשמרים."
        ),
        Language::En => format!(
            "Files and recordings take {taken} GB of {limit} GB. Once there is no room, files that come in by WhatsApp \
             are not kept and none can be sent. The limit can be raised, or the time shortened for which files are \
             kept."
        ),
    };
    (headline, detail)
}

/// Gigabytes and tenths, rounded down.
fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_says_how_much_of_how_much() {
        let nearly = StorageUse::of(4_000_000_000, 560_000_000, 5_000_000_000);
        let told = words(Language::En, &nearly);
        assert_eq!(told.0, "There is little room left for files");
        assert!(told.1.contains("take 4.5 GB of 5.0 GB."), "{}", told.1);
        let full = StorageUse::of(5_000_000_000, 1, 5_000_000_000);
        assert_eq!(words(Language::He, &full).0, "אין יותר מקום לקבצים");
    }
}
