//! Tells a webhook of an event: one job, one attempt.

pub mod send;

use prosaas_core::UnixMillis;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::delivery::Attempt;
use prosaas_crm::model::id::DeliveryId;
use prosaas_crm::webhook::{Verdict, schedule};

use self::send::{Answered, SendError};
use super::JobError;
use crate::wiring::App;

/// Makes one attempt. What became of it is the delivery's to keep; the job itself has done its work.
pub(super) async fn run(
    app: &App,
    scope: &TenantScope,
    delivery: DeliveryId,
) -> Result<(), JobError> {
    let Some(due) = app.store.due_delivery(scope, delivery).await? else {
        return Ok(());
    };
    let secrets = app.store.signing_secrets(scope, &due)?;
    let body = due.delivery.payload.to_string().into_bytes();
    let now = app.clock.now();
    let headers = secrets.sign(&due.delivery.id.to_string(), now, &body);
    let sent = app.webhooks.send(&due.url, &headers, body).await;
    // Differs from delivery to delivery, and is the same for all attempts of one.
    let spread = due.delivery.id.uuid().as_u64_pair().1;
    let attempt = outcome(sent, due.delivery.attempts + 1, now, spread);
    app.store
        .note_delivery(scope, &due.delivery, attempt)
        .await?;
    Ok(())
}

fn outcome(
    sent: Result<Answered, SendError>,
    attempt: u32,
    now: UnixMillis,
    spread: u64,
) -> Attempt {
    let (status, asked_s, error) = match sent {
        Ok(Answered {
            status,
            retry_after_s,
        }) => match Verdict::of_status(status) {
            Verdict::Delivered => return Attempt::Delivered { status },
            Verdict::Gone => return Attempt::Gone,
            Verdict::Failed => (Some(status), retry_after_s, None),
        },
        Err(error) => (None, None, Some(error.to_string())),
    };
    Attempt::Failed {
        status,
        error,
        again_at: schedule::next_attempt(attempt, now, spread, asked_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    const fn answered(status: u16) -> Answered {
        Answered {
            status,
            retry_after_s: None,
        }
    }

    #[test]
    fn an_attempt_succeeds_fails_or_ends_it() {
        assert_eq!(
            outcome(Ok(answered(204)), 1, NOW, 0),
            Attempt::Delivered { status: 204 }
        );
        assert_eq!(outcome(Ok(answered(410)), 1, NOW, 0), Attempt::Gone);
        let failed = outcome(Ok(answered(500)), 1, NOW, 0);
        let again_at = Some(NOW.plus(5_000));
        assert!(matches!(failed, Attempt::Failed { again_at: at, .. } if at == again_at));
        let last = outcome(Err(SendError::Resolve), schedule::MAX_ATTEMPTS, NOW, 0);
        assert!(
            matches!(
                last,
                Attempt::Failed {
                    status: None,
                    error: Some(_),
                    again_at: None
                }
            ),
            "a dead letter"
        );
    }
}
