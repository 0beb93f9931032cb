//! One answer per call: copies of a webhook, however many arrive at once, get the first one's answer.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prosaas_core::{CallSid, UnixMillis};
use tokio::sync::OnceCell;

/// How long an answer is kept. Twilio repeats a delivery within seconds.
const KEPT_MS: i64 = 60_000;
/// The most answers kept; the oldest go first.
const MAX_KEPT: usize = 10_000;

/// Answers by call, for a minute.
#[derive(Debug)]
pub struct AnswerOnce<T> {
    answers: Mutex<HashMap<CallSid, Kept<T>>>,
}

#[derive(Debug)]
struct Kept<T> {
    since: UnixMillis,
    answer: Arc<OnceCell<T>>,
}

impl<T> Default for AnswerOnce<T> {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
        }
    }
}

impl<T: Clone + Send + Sync> AnswerOnce<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<CallSid, Kept<T>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cell(&self, call: &CallSid, now: UnixMillis) -> Arc<OnceCell<T>> {
        let mut answers = self.lock();
        if answers.len() >= MAX_KEPT {
            answers.retain(|_, kept| now.since(kept.since) < KEPT_MS);
            if answers.len() >= MAX_KEPT {
                let oldest = answers
                    .iter()
                    .min_by_key(|(_, kept)| kept.since)
                    .map(|(call, _)| call.clone());
                oldest.and_then(|call| answers.remove(&call));
            }
        }
        if answers
            .get(call)
            .is_some_and(|kept| now.since(kept.since) >= KEPT_MS)
        {
            answers.remove(call);
        }
        let kept = answers.entry(call.clone()).or_insert_with(|| Kept {
            since: now,
            answer: Arc::new(OnceCell::new()),
        });
        Arc::clone(&kept.answer)
    }

    /// The answer given before, or that of `make`. A failure is not kept: the next copy tries again.
    pub async fn get_or_make<E: Send>(
        &self,
        call: &CallSid,
        now: UnixMillis,
        make: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.cell(call, now).get_or_try_init(|| make).await.cloned()
    }

    /// Forgets the answer: the call is over, and a late copy must hear that.
    pub fn forget(&self, call: &CallSid) {
        self.lock().remove(call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(n: usize) -> CallSid {
        format!("CA{n:032x}").parse().unwrap()
    }

    #[tokio::test]
    async fn the_first_answer_is_everybodys_until_it_is_old_or_forgotten() {
        let once = AnswerOnce::default();
        let ask = |answer: u8, at: i64| {
            let once = &once;
            async move {
                once.get_or_make(&sid(1), UnixMillis(at), async { Ok::<_, ()>(answer) })
                    .await
            }
        };
        assert_eq!(ask(1, 0).await, Ok(1));
        assert_eq!(ask(2, KEPT_MS - 1).await, Ok(1));
        assert_eq!(ask(3, KEPT_MS).await, Ok(3));
        once.forget(&sid(1));
        assert_eq!(ask(4, KEPT_MS).await, Ok(4));
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let once = AnswerOnce::default();
        assert_eq!(
            once.get_or_make(&sid(1), UnixMillis(0), async { Err::<u8, _>("down") })
                .await,
            Err("down")
        );
        assert_eq!(
            once.get_or_make(&sid(1), UnixMillis(0), async { Ok::<_, &str>(5) })
                .await,
            Ok(5)
        );
    }

    #[tokio::test]
    async fn the_number_of_answers_is_bounded() {
        let once = AnswerOnce::default();
        for n in 0..MAX_KEPT + 5 {
            let at = UnixMillis(n as i64 / 1_000);
            once.get_or_make(&sid(n), at, async { Ok::<_, ()>(n) })
                .await
                .unwrap();
        }
        assert_eq!(once.lock().len(), MAX_KEPT);
    }
}
