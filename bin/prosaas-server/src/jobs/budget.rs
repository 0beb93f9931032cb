//! Tells a business's owners that a month's budget is nearly gone, or gone.

use prosaas_core::{Language, MicroUsd};
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::spending::Account;

use super::JobError;
use super::tell::alert_owners;
use crate::wiring::App;

/// Sends the mail, unless the month is over or the budget was raised meanwhile.
pub(super) async fn warn(
    app: &App,
    scope: &TenantScope,
    (month, percent): (&str, u32),
) -> Result<(), JobError> {
    let account = app.store.account(scope).await?;
    let is_so = account.month == month && account.state(MicroUsd(0)).percent() >= percent;
    let Some(cap) = account.cap.filter(|_| is_so) else {
        return Ok(());
    };
    let words = |language| words(language, percent, (cap, &account));
    alert_owners(app, scope, "/agent", words).await
}

/// What happened, in the reader's language.
fn words(
    language: Language,
    percent: u32,
    (cap, account): (MicroUsd, &Account),
) -> (String, String) {
    let (spent, cap, month) = (dollars(account.spent), dollars(cap), &account.month);
    let is_gone = percent >= 100;
    let headline = match (language, is_gone) {
        (Language::He, true) => "תקציב החודש נוצל במלואו".to_owned(),
        (Language::He, false) => format!("{percent}% מתקציב החודש נוצלו"),
        (Language::En, true) => "The month's budget is spent".to_owned(),
        (Language::En, false) => format!("{percent} % of the month's budget is spent"),
    };
    let detail = match (language, is_gone) {
        (Language::He, true) => format!(
            "בחודש {month} נוצלו {spent}$ מתוך {cap}$. עד סוף החודש, או עד שהתקציב יוגדל, מתקשרים יתבקשו להשאיר \
             הודעה ושיחות וואטסאפ ימתינו למענה אנושי."
        ),
        (Language::He, false) => format!("בחודש {month} נוצלו {spent}$ מתוך {cap}$."),
        (Language::En, true) => format!(
            "In {month}, ${spent} of ${cap} were spent. Until the month ends, or the budget is raised, callers \
             are asked to leave a message and WhatsApp conversations wait for a person."
        ),
        (Language::En, false) => format!("In {month}, ${spent} of ${cap} were spent."),
    };
    (headline, detail)
}

/// Dollars and whole cents, rounded down.
fn dollars(money: MicroUsd) -> String {
    let cents = money.0.max(0) / 10_000;
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_says_how_much_of_how_much() {
        let account = Account {
            month: "2026-11".to_owned(),
            cap: Some(MicroUsd(20_000_000)),
            spent: MicroUsd(16_059_999),
        };
        let told = words(Language::En, 80, (MicroUsd(20_000_000), &account));
        assert_eq!(told.0, "80 % of the month's budget is spent");
        assert_eq!(told.1, "In 2026-11, $16.05 of $20.00 were spent.");
        let gone = words(Language::He, 100, (MicroUsd(20_000_000), &account));
        assert!(gone.1.contains("16.05$ מתוך 20.00$"), "{}", gone.1);
    }
}
