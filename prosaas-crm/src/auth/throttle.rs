//! How often a password may be tried: per account and per address, and nobody is locked out of his own
//! account by somebody else's guesses.
//!
//! Guesses from places the account does not know share one small bucket. A place from which its owner
//! has signed in before (an address, a browser) has a bucket of its own for that account: however many
//! guesses arrive from the rest of the world, he still gets in from there.

use std::time::Duration;

use prosaas_core::UnixMillis;

/// How many tries at once, and how many again over time.
///
/// Kept as one number a bucket: the moment at which the bucket will be full again (GCRA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// As many at once.
    pub burst: u32,
    /// One more after each such time, in milliseconds.
    pub refill_ms: u32,
}

/// When a bucket will be full again; the past means that it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// The moment.
    pub full_at: Option<UnixMillis>,
}

impl Rate {
    /// The bucket with one taken out.
    ///
    /// # Errors
    /// How long to wait when nothing is left.
    pub fn take(&self, bucket: Bucket, now: UnixMillis) -> Result<Bucket, Duration> {
        let refill = i64::from(self.refill_ms);
        let full_at = bucket.full_at.map_or(now, |at| at.max(now)).plus(refill);
        let over = full_at.since(now) - refill * i64::from(self.burst);
        if over > 0 {
            return Err(Duration::from_millis(over.unsigned_abs()));
        }
        Ok(Bucket {
            full_at: Some(full_at),
        })
    }

    /// The bucket with one put back: the try was no guess.
    #[must_use]
    pub fn give_back(&self, bucket: Bucket) -> Bucket {
        Bucket {
            full_at: bucket.full_at.map(|at| at.plus(-i64::from(self.refill_ms))),
        }
    }
}

/// The rules for signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginRates {
    /// All places together that the account does not know.
    pub strangers: Rate,
    /// One place the account knows.
    pub familiar: Rate,
    /// One address, whatever accounts it tries.
    pub address: Rate,
}

impl LoginRates {
    /// Ten guesses of strangers at once and ten an hour; thirty at once and one a minute for an
    /// address, which an office may share.
    pub const STANDARD: Self = Self {
        strangers: Rate {
            burst: 10,
            refill_ms: 6 * 60 * 1000,
        },
        familiar: Rate {
            burst: 10,
            refill_ms: 3 * 60 * 1000,
        },
        address: Rate {
            burst: 30,
            refill_ms: 60 * 1000,
        },
    };

    /// Whether a password may be looked at, and the buckets afterwards. Nothing is taken from either
    /// when one of them is empty: waiting out the address does not cost the account.
    ///
    /// # Errors
    /// How long to wait.
    pub fn admit(&self, buckets: LoginBuckets, now: UnixMillis) -> Result<LoginBuckets, Duration> {
        let account = self.account(buckets.familiar).take(buckets.account, now);
        let address = self.address.take(buckets.address, now);
        match (account, address) {
            (Ok(account), Ok(address)) => Ok(LoginBuckets {
                familiar: buckets.familiar,
                account,
                address,
            }),
            (account, address) => {
                let waits = [account.err(), address.err()];
                Err(waits.into_iter().flatten().max().unwrap_or_default())
            }
        }
    }

    /// The buckets after the password was right: only guesses count.
    #[must_use]
    pub fn forgive(&self, buckets: LoginBuckets) -> LoginBuckets {
        LoginBuckets {
            familiar: buckets.familiar,
            account: self.account(buckets.familiar).give_back(buckets.account),
            address: self.address.give_back(buckets.address),
        }
    }

    fn account(&self, familiar: bool) -> Rate {
        if familiar {
            self.familiar
        } else {
            self.strangers
        }
    }
}

/// The buckets of one try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginBuckets {
    /// Whether the account's owner has signed in from this place before.
    pub familiar: bool,
    /// The account's bucket: the one of this place if it is familiar, else the one of all strangers.
    pub account: Bucket,
    /// The address's bucket.
    pub address: Bucket,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: UnixMillis = UnixMillis(1_800_000_000_000);
    const RATES: LoginRates = LoginRates::STANDARD;
    const HOUR_MS: i64 = 60 * 60 * 1000;

    /// Tries every `every_ms`; how many were let through within an hour.
    fn guesses_in_an_hour(every_ms: i64, fresh_address: bool) -> usize {
        let mut buckets = LoginBuckets::default();
        let mut admitted = 0;
        let mut now = START;
        while now.since(START) < HOUR_MS {
            if fresh_address {
                buckets.address = Bucket::default();
            }
            if let Ok(after) = RATES.admit(buckets, now) {
                buckets = after;
                admitted += 1;
            }
            now = now.plus(every_ms);
        }
        admitted
    }

    #[test]
    fn ten_thousand_guesses_an_hour_are_twenty_looked_at_from_however_many_addresses() {
        assert!(guesses_in_an_hour(360, false) <= 20);
        assert!(guesses_in_an_hour(360, true) <= 20);
        assert!(guesses_in_an_hour(1, true) <= 20);
    }

    #[test]
    fn the_owner_gets_in_from_a_place_he_knows_while_others_guess() {
        let mut strangers = LoginBuckets::default();
        while let Ok(after) = RATES.admit(strangers, START) {
            strangers = after;
        }
        let home = LoginBuckets {
            familiar: true,
            ..LoginBuckets::default()
        };
        assert!(RATES.admit(home, START).is_ok());
    }

    #[test]
    fn an_address_that_tries_many_accounts_is_slowed() {
        let mut address = Bucket::default();
        let mut admitted = 0;
        for _ in 0..10_000 {
            let buckets = LoginBuckets {
                address,
                ..LoginBuckets::default()
            };
            if let Ok(after) = RATES.admit(buckets, START) {
                address = after.address;
                admitted += 1;
            }
        }
        assert_eq!(admitted, 30);
    }

    #[test]
    fn signing_in_rightly_costs_nothing() {
        let mut buckets = LoginBuckets::default();
        for _ in 0..1000 {
            buckets = RATES.forgive(RATES.admit(buckets, START).unwrap());
        }
        assert!(RATES.admit(buckets, START).is_ok());
    }

    proptest! {
        #[test]
        fn the_wait_named_is_enough_and_no_longer_than_needed(
            burst in 1_u32..20,
            refill_ms in 1_u32..100_000,
        ) {
            let rate = Rate { burst, refill_ms };
            let mut bucket = Bucket::default();
            for _ in 0..burst {
                bucket = rate.take(bucket, START).unwrap();
            }
            let wait = rate.take(bucket, START).unwrap_err();
            let wait = i64::try_from(wait.as_millis()).unwrap();
            prop_assert!(rate.take(bucket, START.plus(wait - 1)).is_err());
            prop_assert!(rate.take(bucket, START.plus(wait)).is_ok());
        }
    }
}
