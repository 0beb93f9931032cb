//! What a store must do with appointments.

use futures_util::future::join_all;
use prosaas_core::ErrorClass::{Invalid, NotFound};

use super::{Fixture, Office, at, conflicts, ok, refuses};
use crate::model::appointment::{
    Appointment, AppointmentFilter, AppointmentPatch, AppointmentStatus, NewAppointment,
};
use crate::model::page::Page;
use crate::model::patch::{Patch, Replace};
use crate::model::timeline::TimelineKind;
use crate::model::wall::Span;
use crate::store::CrmStore;

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    a_time_is_taken_once(fixture).await;
    of_many_at_once_one_gets_the_time(fixture).await;
    a_freed_time_can_be_taken_and_not_taken_back(fixture).await;
    free_times_are_within_hours_and_between_appointments(fixture).await;
    #[cfg(feature = "auth")]
    a_feed_is_its_members_until_revoked(fixture).await;
}

fn new(from: i64, minutes: i64) -> NewAppointment {
    NewAppointment {
        lead_id: None,
        call_id: None,
        assignee_id: None,
        title: "Brakes".to_owned(),
        notes: None,
        place: None,
        starts_at: at(from),
        ends_at: at(from + minutes),
        remind_at: None,
    }
}

async fn a_time_is_taken_once(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a time is taken once`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let first = NewAppointment {
        lead_id: Some(office.lead),
        call_id: Some(office.call),
        ..new(60, 30)
    };
    let first = ok(store.book_appointment(scope, first).await, rule);
    for (from, minutes) in [(60, 30), (45, 16), (89, 5), (70, 5), (30, 120)] {
        let taken = store.book_appointment(scope, new(from, minutes)).await;
        conflicts(&taken, "slot-taken", rule);
    }
    // Beside it, in another calendar, and in another business it is free.
    ok(store.book_appointment(scope, new(90, 30)).await, rule);
    ok(store.book_appointment(scope, new(30, 30)).await, rule);
    let members = NewAppointment {
        assignee_id: Some(office.member),
        ..new(60, 30)
    };
    let members = ok(store.book_appointment(scope, members).await, rule);
    ok(
        store.book_appointment(&office.theirs, new(60, 30)).await,
        rule,
    );
    // Moving into a taken time is refused as well; within its own time it may move.
    let to = |from: i64, until: i64| AppointmentPatch {
        starts_at: Replace(Some(at(from))),
        ends_at: Replace(Some(at(until))),
        ..AppointmentPatch::default()
    };
    let moved = store
        .update_appointment(scope, first.id, 1, to(80, 110))
        .await;
    conflicts(&moved, "slot-taken", rule);
    let moved = store
        .update_appointment(scope, first.id, 1, to(65, 85))
        .await;
    assert_eq!(ok(moved, rule).version, 2, "{rule}");
    let handed_over = AppointmentPatch {
        assignee_id: Patch::Clear,
        ..AppointmentPatch::default()
    };
    let handed_over = store
        .update_appointment(scope, members.id, 1, handed_over)
        .await;
    conflicts(&handed_over, "slot-taken", rule);
    let backwards = store.book_appointment(scope, new(300, 0)).await;
    refuses(&backwards, Invalid, rule);
    let timeline = ok(
        store.timeline(scope, office.lead, Page::first(9)).await,
        rule,
    );
    for kind in [
        TimelineKind::AppointmentBooked,
        TimelineKind::AppointmentMoved,
    ] {
        assert!(
            timeline.iter().any(|entry| entry.kind == kind),
            "{rule}: {kind}"
        );
    }
}

async fn of_many_at_once_one_gets_the_time(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `of many at once one gets the time`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    for round in 0..5 {
        let bookings = (0..12).map(|n| store.book_appointment(scope, new(round * 60 + n, 30)));
        let outcomes = join_all(bookings).await;
        for outcome in outcomes.iter().filter(|outcome| outcome.is_err()) {
            conflicts(outcome, "slot-taken", rule);
        }
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "{rule}: all of them overlap");
    }
}

async fn a_freed_time_can_be_taken_and_not_taken_back(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a freed time can be taken and not taken back`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let deleted = ok(store.book_appointment(scope, new(60, 30)).await, rule);
    ok(store.delete_appointment(scope, deleted.id, 1).await, rule);
    let second = ok(store.book_appointment(scope, new(60, 30)).await, rule);
    let back = store.restore_appointment(scope, deleted.id).await;
    conflicts(&back, "slot-taken", rule);
    let status = |status| AppointmentPatch {
        status: Replace(Some(status)),
        ..AppointmentPatch::default()
    };
    let cancelled = status(AppointmentStatus::Cancelled);
    let cancelled = store
        .update_appointment(scope, second.id, 1, cancelled)
        .await;
    ok(cancelled, rule);
    let back: Appointment = ok(store.restore_appointment(scope, deleted.id).await, rule);
    assert_eq!((back.deleted_at, back.version), (None, 3), "{rule}");
    let rebooked = status(AppointmentStatus::Booked);
    let rebooked = store
        .update_appointment(scope, second.id, 2, rebooked)
        .await;
    conflicts(&rebooked, "slot-taken", rule);
    let until = AppointmentFilter {
        status: Some(AppointmentStatus::Booked),
        from: Some(at(89)),
        until: Some(at(90)),
        ..AppointmentFilter::default()
    };
    let listed = ok(
        store.appointments(scope, &until, Page::first(9)).await,
        rule,
    );
    assert_eq!(listed, [back], "{rule}");
    refuses(
        &store.appointment(&office.theirs, deleted.id).await,
        NotFound,
        rule,
    );
    refuses(
        &store
            .delete_appointment(&office.theirs, deleted.id, 3)
            .await,
        NotFound,
        rule,
    );
}

async fn free_times_are_within_hours_and_between_appointments(
    fixture: &impl Fixture<Store = CrmStore>,
) {
    let rule = "rule `free times are within hours and between appointments`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    // The tests' clock stands on a Sunday at 18:06 in Israel; a new business keeps office hours.
    let day = Span {
        from: at(0).millis(),
        until: at(24 * 60).millis(),
    };
    let free = ok(store.free_times(scope, None, day, 100).await, rule);
    assert_eq!(
        free.len(),
        16,
        "{rule}: nine to five in half hours, {free:?}"
    );
    let taken = NewAppointment {
        starts_at: free[0].from.into(),
        ends_at: free[1].until.into(),
        ..new(0, 0)
    };
    ok(store.book_appointment(scope, taken).await, rule);
    let left = ok(store.free_times(scope, None, day, 100).await, rule);
    assert_eq!(left, free[2..], "{rule}");
    let members = store.free_times(scope, Some(office.member), day, 3).await;
    assert_eq!(ok(members, rule), free[..3], "{rule}: another calendar");
    let stranger = super::UserId::mint(at(0).millis());
    let nobodys = store.free_times(scope, Some(stranger), day, 3).await;
    refuses(&nobodys, NotFound, rule);
}

#[cfg(feature = "auth")]
async fn a_feed_is_its_members_until_revoked(fixture: &impl Fixture<Store = CrmStore>) {
    use prosaas_core::ErrorClass::Forbidden;

    use crate::auth::{Role, TenantScope};

    let rule = "rule `a feed is its member's until revoked`";
    let office = Office::open(fixture, rule).await;
    let (store, member) = (&office.store, office.member);
    let scope = TenantScope::for_member(office.ours.tenant(), member, Role::Agent);
    for (title, assignee_id) in [("Mine", Some(member)), ("The house's", None)] {
        let appointment = NewAppointment {
            assignee_id,
            title: title.to_owned(),
            ..new(60, 30)
        };
        ok(store.book_appointment(&scope, appointment).await, rule);
    }
    let first = ok(store.renew_feed(&scope).await, rule);
    let feed = ok(store.feed(&first.hash()).await, rule);
    assert!(
        feed.contains("SUMMARY:Mine") && !feed.contains("house"),
        "{rule}: {feed}"
    );
    let second = ok(store.renew_feed(&scope).await, rule);
    refuses(&store.feed(&first.hash()).await, NotFound, rule);
    ok(store.feed(&second.hash()).await, rule);
    ok(store.revoke_feed(&scope).await, rule);
    refuses(&store.feed(&second.hash()).await, NotFound, rule);
    refuses(&store.renew_feed(&office.ours).await, Forbidden, rule);
}
