//! Whether the carrier's list of calls and ours tell the same.

use std::collections::{BTreeMap, BTreeSet};

use prosaas_core::{CallId, CallSid, CallStatus, E164, MicroUsd, TenantId, UnixMillis};

/// Two durations of one call may be so far apart, in milliseconds: the carrier rounds to seconds, and its word
/// takes a moment to reach us.
pub const DURATION_APART_MS: i64 = 2_000;
/// What is over for less than this, in milliseconds, may still be on its way to us.
pub const SETTLED_AFTER_MS: i64 = 10 * 60_000;
/// How far apart both sides' beginnings of one call may be, in milliseconds: so close to an end of the period
/// it may be on the carrier's list of another one.
pub const EDGE_MS: i64 = 10 * 60_000;

/// The time that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its beginning.
    pub from: UnixMillis,
    /// Its end, which does not belong to it.
    pub until: UnixMillis,
    /// The present moment.
    pub now: UnixMillis,
}

/// What the carrier charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It does not say yet.
    NotYet,
    /// This.
    Known(MicroUsd),
    /// Something that is no sum of US dollars: nobody here converts it.
    Foreign,
}

impl Charge {
    /// What two legs of one call cost: known when both are.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Known(one), Self::Known(two)) => {
                Self::Known(MicroUsd(one.0.saturating_add(two.0)))
            }
            (Self::Foreign, _) | (_, Self::Foreign) => Self::Foreign,
            _ => Self::NotYet,
        }
    }
}

/// A call on the carrier's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierCall {
    /// The call.
    pub sid: CallSid,
    /// The call that this one is a leg of.
    pub parent: Option<CallSid>,
    /// The businesses whose account it came by; empty when it is the installation's, which speaks for everybody.
    pub only_for: Vec<TenantId>,
    /// Whether somebody called us.
    pub is_inbound: bool,
    /// The calling number; `None` when it is withheld.
    pub caller: Option<E164>,
    /// The called number; `None` when it is no phone number.
    pub called: Option<E164>,
    /// How far it has come.
    pub status: CallStatus,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// How long it was, in milliseconds.
    pub duration_ms: Option<i64>,
    /// What this leg costs.
    pub charge: Charge,
}

impl CarrierCall {
    /// Whether the account that it came by may say something about a business.
    pub fn may_speak_for(&self, tenant: TenantId) -> bool {
        self.only_for.is_empty() || self.only_for.contains(&tenant)
    }

    /// When it was over, as far as that is known.
    pub fn over_at(&self) -> UnixMillis {
        self.ended_at.unwrap_or(self.started_at)
    }

    /// Whether it is over, and for so long that we should know.
    fn is_settled(&self, now: UnixMillis) -> bool {
        self.status.is_final() && now.since(self.over_at()) >= SETTLED_AFTER_MS
    }
}

/// A call of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCall {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: CallId,
    /// The carrier's id of it.
    pub sid: CallSid,
    /// The other side's number; `None` when it is withheld.
    pub caller: Option<E164>,
    /// The business's number.
    pub business_number: E164,
    /// When we heard of it.
    pub started_at: UnixMillis,
    /// When it ended, as the carrier told us, or as we saw it.
    pub ended_at: Option<UnixMillis>,
    /// Whether nothing of it is expected any more: the carrier said its last word, and the outcome is stored.
    pub is_over: bool,
}

/// A call whose two durations differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apart<'a> {
    /// Our call.
    pub call: &'a OwnCall,
    /// How long it was for us, in milliseconds.
    pub ours_ms: i64,
    /// How long it was for the carrier, in milliseconds.
    pub theirs_ms: i64,
}

/// What the two lists do not agree on, and what the carrier charges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences<'a> {
    /// Somebody called, and we know nothing of it: a lost lead.
    pub lost: Vec<&'a CarrierCall>,
    /// Calls of ours that the carrier does not list.
    pub unlisted: Vec<&'a OwnCall>,
    /// Calls with two durations.
    pub apart: Vec<Apart<'a>>,
    /// Calls that we hold open and that are over for the carrier.
    pub open: Vec<(&'a OwnCall, &'a CarrierCall)>,
    /// What each call costs with the legs it made.
    pub costs: Vec<(&'a OwnCall, Charge)>,
}

/// Compares the calls of a period. Ours are those that began within [`EDGE_MS`] around it as well.
///
/// Only calls to us can be lost: what the carrier lists beside them are the legs of calls and what somebody
/// placed by other means.
pub fn compare<'a>(
    ours: &'a [OwnCall],
    theirs: &'a [CarrierCall],
    period: Period,
) -> Differences<'a> {
    let known: BTreeMap<&CallSid, &OwnCall> = ours.iter().map(|call| (&call.sid, call)).collect();
    let listed: BTreeSet<&CallSid> = theirs.iter().map(|call| &call.sid).collect();
    let legs = legs(theirs);
    let mut found = Differences::default();
    for call in theirs.iter().filter(|call| call.parent.is_none()) {
        let Some(own) = known.get(&call.sid).copied() else {
            if call.is_inbound && call.is_settled(period.now) {
                found.lost.push(call);
            }
            continue;
        };
        if !call.may_speak_for(own.tenant) {
            continue;
        }
        if !own.is_over && call.is_settled(period.now) {
            found.open.push((own, call));
        }
        found.apart.extend(apart(own, call));
        if call.status.is_final() {
            let of_legs = legs.get(&call.sid).copied();
            let charge = of_legs.map_or(call.charge, |legs| call.charge.and(legs));
            found.costs.push((own, charge));
        }
    }
    let should_be_listed = |call: &&OwnCall| {
        let (from, until) = (period.from.plus(EDGE_MS), period.until.plus(-EDGE_MS));
        (from..until).contains(&call.started_at)
            && period.now.since(call.started_at) >= SETTLED_AFTER_MS
            && !listed.contains(&call.sid)
    };
    found.unlisted.extend(ours.iter().filter(should_be_listed));
    found
}

/// What the legs of each call cost together.
fn legs(theirs: &[CarrierCall]) -> BTreeMap<&CallSid, Charge> {
    let mut legs: BTreeMap<&CallSid, Charge> = BTreeMap::new();
    for leg in theirs {
        if let Some(parent) = &leg.parent {
            let sum = legs.get(parent).copied();
            let sum = sum.map_or(leg.charge, |sum| sum.and(leg.charge));
            legs.insert(parent, sum);
        }
    }
    legs
}

/// The two durations of a call that is over on both sides, when they differ.
fn apart<'a>(own: &'a OwnCall, call: &CarrierCall) -> Option<Apart<'a>> {
    if call.status != CallStatus::Completed || !own.is_over {
        return None;
    }
    let ours_ms = own.ended_at?.since(own.started_at);
    let theirs_ms = call.duration_ms?;
    let differs = ours_ms.abs_diff(theirs_ms) > DURATION_APART_MS.unsigned_abs();
    differs.then_some(Apart {
        call: own,
        ours_ms,
        theirs_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;
    const FROM: UnixMillis = UnixMillis(1_699_920_000_000);
    const NOON: UnixMillis = FROM.plus(DAY_MS / 2);

    fn period() -> Period {
        Period {
            from: FROM,
            until: FROM.plus(DAY_MS),
            now: FROM.plus(2 * DAY_MS),
        }
    }

    fn sid(n: u32) -> CallSid {
        format!("CA{n:032x}").parse().unwrap()
    }

    fn tenant(n: i64) -> TenantId {
        TenantId::from_uuid(uuid::Uuid::from_u128(u128::from(n.unsigned_abs())))
    }

    fn own(n: u32) -> OwnCall {
        OwnCall {
            tenant: tenant(1),
            id: CallId::from_uuid(uuid::Uuid::from_u128(u128::from(n))),
            sid: sid(n),
            caller: None,
            business_number: E164::parse("+97231234567").unwrap(),
            started_at: NOON,
            ended_at: Some(NOON.plus(60_500)),
            is_over: true,
        }
    }

    fn carrier(n: u32) -> CarrierCall {
        CarrierCall {
            sid: sid(n),
            parent: None,
            only_for: Vec::new(),
            is_inbound: true,
            caller: None,
            called: None,
            status: CallStatus::Completed,
            started_at: NOON,
            ended_at: Some(NOON.plus(60_000)),
            duration_ms: Some(60_000),
            charge: Charge::Known(MicroUsd(8_500)),
        }
    }

    #[test]
    fn equal_lists_have_no_differences_but_costs() {
        let (ours, theirs) = ([own(1)], [carrier(1)]);
        let expected = Differences {
            costs: vec![(&ours[0], Charge::Known(MicroUsd(8_500)))],
            ..Differences::default()
        };
        assert_eq!(compare(&ours, &theirs, period()), expected);
    }

    #[test]
    fn a_call_that_we_never_heard_of_is_lost_once_it_is_over_for_a_while() {
        let lost = carrier(1);
        let goes_on = CarrierCall {
            status: CallStatus::InProgress,
            ended_at: None,
            ..carrier(2)
        };
        let placed = CarrierCall {
            is_inbound: false,
            ..carrier(3)
        };
        let leg = CarrierCall {
            parent: Some(sid(9)),
            ..carrier(4)
        };
        let theirs = [lost, goes_on, placed, leg];
        let found = compare(&[], &theirs, period());
        assert_eq!(found.lost, [&theirs[0]]);
        let over_at = NOON.plus(60_000);
        for (after_ms, is_lost) in [(SETTLED_AFTER_MS - 1, false), (SETTLED_AFTER_MS, true)] {
            let soon = Period {
                now: over_at.plus(after_ms),
                ..period()
            };
            let found = compare(&[], &theirs, soon);
            assert_eq!(!found.lost.is_empty(), is_lost, "after {after_ms} ms");
        }
    }

    #[test]
    fn a_call_that_the_carrier_does_not_list_is_named_unless_another_list_may_have_it() {
        let at = |n, started_at| OwnCall {
            started_at,
            ..own(n)
        };
        let until = FROM.plus(DAY_MS);
        let ours = [
            at(1, NOON),
            at(2, FROM.plus(EDGE_MS)),
            at(3, FROM.plus(EDGE_MS - 1)),
            at(4, until.plus(-EDGE_MS)),
            at(5, until.plus(-EDGE_MS - 1)),
        ];
        let found = compare(&ours, &[], period());
        assert_eq!(found.unlisted, [&ours[0], &ours[1], &ours[4]]);
        let now = Period {
            now: NOON.plus(SETTLED_AFTER_MS - 1),
            ..period()
        };
        let found = compare(&ours, &[], now);
        assert_eq!(found.unlisted, [&ours[1]], "the others have just begun");
    }

    #[test]
    fn durations_may_differ_by_two_seconds() {
        for (theirs_ms, differs) in [
            (60_500, false),
            (58_500, false),
            (62_500, false),
            (58_499, true),
            (62_501, true),
        ] {
            let ours = [own(1)];
            let theirs = [CarrierCall {
                duration_ms: Some(theirs_ms),
                ..carrier(1)
            }];
            let found = compare(&ours, &theirs, period());
            assert_eq!(!found.apart.is_empty(), differs, "{theirs_ms}");
        }
        let ours = [OwnCall {
            is_over: false,
            ..own(1)
        }];
        let theirs = [CarrierCall {
            duration_ms: Some(1),
            ..carrier(1)
        }];
        let found = compare(&ours, &theirs, period());
        assert_eq!(found.apart, [], "ours has no end yet");
        assert_eq!(found.open, [(&ours[0], &theirs[0])]);
    }

    #[test]
    fn a_call_costs_what_its_legs_cost_together() {
        let leg = |n, charge| CarrierCall {
            parent: Some(sid(1)),
            is_inbound: false,
            charge,
            ..carrier(n)
        };
        let (usd, not_yet, foreign) = (
            Charge::Known(MicroUsd(14_000)),
            Charge::NotYet,
            Charge::Foreign,
        );
        for (legs, expected) in [
            (vec![], Charge::Known(MicroUsd(8_500))),
            (vec![usd], Charge::Known(MicroUsd(22_500))),
            (vec![usd, usd], Charge::Known(MicroUsd(36_500))),
            (vec![usd, not_yet], Charge::NotYet),
            (vec![not_yet, foreign, usd], Charge::Foreign),
        ] {
            let mut theirs = vec![carrier(1)];
            for (n, charge) in (2..).zip(&legs) {
                theirs.push(leg(n, *charge));
            }
            let ours = [own(1)];
            let found = compare(&ours, &theirs, period());
            assert_eq!(found.costs, [(&ours[0], expected)], "{legs:?}");
            assert_eq!(found.lost, Vec::<&CarrierCall>::new(), "{legs:?}");
        }
    }

    #[test]
    fn a_business_own_account_speaks_for_nobody_else() {
        let ours = [own(1)];
        let of = |tenant| CarrierCall {
            only_for: vec![tenant],
            ..carrier(1)
        };
        let theirs = [of(tenant(2))];
        assert_eq!(
            compare(&ours, &theirs, period()),
            Differences::default(),
            "neither a cost nor a lost call"
        );
        let theirs = [of(tenant(1))];
        assert_eq!(compare(&ours, &theirs, period()).costs.len(), 1);
    }
}
