//! People and their ways in, on every database.

mod acting_and_secrets;
mod bench;
mod members;
#[cfg(all(feature = "axum", feature = "passkeys"))]
mod over_http;
mod own_phones;
#[cfg(feature = "push")]
mod push;
mod races;
mod upkeep;
mod ways_in;

use crate::support::Backend;
use bench::Bench;

/// Each a test on a fresh store of every backend that this run has.
macro_rules! on_every_backend {
    ($($module:ident::$name:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for backend in Backend::available() {
                println!("on {backend:?}");
                $module::$name(Bench::on(backend).await).await;
            }
        }
    )+};
}

on_every_backend! {
    acting_and_secrets::a_secret_is_used_and_never_shown,
    acting_and_secrets::acting_ends_by_itself_and_with_the_office,
    acting_and_secrets::an_administrator_acts_for_a_reason_and_a_while,
    acting_and_secrets::what_is_done_while_acting_stands_in_both_logs,
    members::a_removed_member_is_out_at_once,
    members::an_administrator_removes_any_account_but_the_last_of_his_kind,
    members::an_invitation_brings_somebody_in_once,
    members::an_invitation_ends_after_a_week_and_when_it_is_withdrawn,
    members::an_invited_account_keeps_its_password,
    members::another_role_takes_effect_at_once_and_ends_sessions,
    members::members_are_listed_page_by_page,
    members::members_of_another_business_do_not_exist,
    members::nobody_removes_himself_and_the_only_owner_stays,
    members::only_an_owner_changes_members,
    own_phones::an_own_phone_is_a_memberships,
    races::two_administrators_at_each_other,
    races::two_owners_at_each_other,
    upkeep::a_rotation_of_many_secrets_leaves_none_unreadable_meanwhile,
    upkeep::a_rotation_reaches_webhooks_and_passes_over_what_does_not_open,
    upkeep::a_rotation_seals_everything_again_while_it_is_used,
    upkeep::the_outbox_forgets_what_it_is_done_with,
    upkeep::what_has_had_its_time_is_removed_and_nothing_else,
    ways_in::a_passkey_belongs_to_one_account_and_a_ceremony_ends_once,
    ways_in::a_reset_link_works_once_within_half_an_hour_and_ends_sessions,
    ways_in::a_session_ends_when_idle_and_after_thirty_days,
    ways_in::an_api_key_does_what_its_scopes_say_until_it_ends,
    ways_in::an_authenticator_app_counts_once_confirmed,
    ways_in::going_to_another_business_takes_a_new_token,
    ways_in::guesses_are_counted_before_any_is_answered,
    ways_in::places_become_familiar_by_signing_in,
    ways_in::sessions_are_listed_and_revoked_by_their_owner_only,
    ways_in::somebody_elses_business_sees_no_keys,
    ways_in::the_first_administrator_is_made_once,
}

#[cfg(feature = "push")]
on_every_backend! {
    push::a_device_is_its_members_and_his_businesss_alone,
    push::a_device_is_told_no_longer_than_its_session_goes_on,
    push::of_too_many_devices_the_oldest_goes,
    push::the_installations_key_is_made_once_and_sealed_again,
}
