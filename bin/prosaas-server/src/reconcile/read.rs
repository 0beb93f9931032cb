//! Reads both sides: Twilio's lists, of the installation's account and of businesses' own, and our calls.

use std::collections::{BTreeMap, BTreeSet};

use prosaas_core::{AccountSid, Error, ErrorClass, MicroUsd, TenantId};
use prosaas_crm::auth::TenantScope;
use prosaas_crm::rules::reconcile::{CarrierCall, Charge, EDGE_MS, OwnCall, Period};
use prosaas_crm::{BusinessAdmin as _, CrmStore};
use prosaas_twilio::rest::{Client, ListedCall, Price};

use super::{Comparison, INSTALLATION};
use crate::config::Config;
use crate::wiring::{twilio_client, twilio_client_of};

/// Both sides.
pub(super) struct Read {
    pub(super) period: Period,
    pub(super) ours: Vec<OwnCall>,
    pub(super) theirs: Vec<CarrierCall>,
    /// Leave to act for every business.
    pub(super) scopes: BTreeMap<TenantId, TenantScope>,
    /// The businesses whose list could not be read, or who have no account.
    pub(super) unread: BTreeSet<TenantId>,
    pub(super) accounts: usize,
    pub(super) unread_accounts: usize,
}

/// An account and who has it.
struct Account {
    client: Client,
    /// The businesses whose own it is; none when it is the installation's.
    owners: Vec<TenantId>,
    /// The businesses whose calls it has.
    users: Vec<TenantId>,
}

impl Account {
    const fn new(client: Client) -> Self {
        Self {
            client,
            owners: Vec::new(),
            users: Vec::new(),
        }
    }
}

pub(super) async fn everything(comparison: &Comparison<'_>, period: Period) -> Result<Read, Error> {
    let (store, config) = (comparison.store, comparison.config);
    let mut read = Read {
        period,
        ours: Vec::new(),
        theirs: Vec::new(),
        scopes: BTreeMap::new(),
        unread: BTreeSet::new(),
        accounts: 0,
        unread_accounts: 0,
    };
    let accounts = accounts(store, config, &mut read).await?;
    // Twilio's side first: what begins meanwhile is too young to be missed on ours.
    for account in accounts.into_values() {
        read.accounts += 1;
        match account.client.list_calls(period.from, period.until).await {
            Ok(calls) => {
                let calls = calls.into_iter();
                let calls = calls.filter_map(|call| carrier_call(call, &account.owners));
                read.theirs.extend(calls);
            }
            Err(error) => {
                tracing::error!(account = %account.client.account(), %error, "Twilio's list of calls could not be read");
                read.unread_accounts += 1;
                read.unread.extend(account.users);
            }
        }
    }
    read.ours = ours(store, &read.scopes, period).await?;
    Ok(read)
}

/// Our calls of a period, and of a while around it.
pub(super) async fn ours(
    store: &CrmStore,
    scopes: &BTreeMap<TenantId, TenantScope>,
    period: Period,
) -> Result<Vec<OwnCall>, Error> {
    let around = (period.from.plus(-EDGE_MS), period.until.plus(EDGE_MS));
    let mut ours = Vec::new();
    for scope in scopes.values() {
        ours.extend(store.own_calls(scope, around).await?);
    }
    Ok(ours)
}

/// The accounts of the installation and its businesses.
async fn accounts(
    store: &CrmStore,
    config: &Config,
    read: &mut Read,
) -> Result<BTreeMap<AccountSid, Account>, Error> {
    let mut accounts = BTreeMap::new();
    let installations = config.twilio.account_sid.as_ref();
    match twilio_client(config) {
        Ok(Some(client)) => {
            accounts.insert(client.account().clone(), Account::new(client));
        }
        Ok(None) => {}
        Err(error) => {
            tracing::error!(error = %format_args!("{error:#}"), "Twilio cannot be asked");
            read.unread_accounts += 1;
        }
    }
    for listed in store.list_businesses(&INSTALLATION).await? {
        let (tenant, scope) = (listed.tenant(), TenantScope::of_listed(&listed));
        read.scopes.insert(tenant, scope);
        let own = own_account(store, &scope).await?;
        let own = own.filter(|account| Some(account) != installations);
        let is_own = own.is_some();
        let Some(sid) = own.or_else(|| installations.cloned()) else {
            read.unread.insert(tenant);
            continue;
        };
        if is_own && !accounts.contains_key(&sid) {
            match own_client(store, config, tenant, &sid).await {
                Some(client) => {
                    accounts.insert(sid.clone(), Account::new(client));
                }
                None => read.unread_accounts += 1,
            }
        }
        let Some(account) = accounts.get_mut(&sid) else {
            read.unread.insert(tenant);
            continue;
        };
        account.users.push(tenant);
        if is_own {
            account.owners.push(tenant);
        }
    }
    Ok(accounts)
}

/// The account that a business has of its own; none when the business is gone.
async fn own_account(store: &CrmStore, scope: &TenantScope) -> Result<Option<AccountSid>, Error> {
    match store.settings(scope).await {
        Ok(settings) => Ok(settings.twilio_account_sid),
        Err(error) if error.class() == ErrorClass::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The way to a business's own account; `None` after saying why in the log.
async fn own_client(
    store: &CrmStore,
    config: &Config,
    tenant: TenantId,
    account: &AccountSid,
) -> Option<Client> {
    match store.twilio_token_of(&INSTALLATION, tenant).await {
        Ok(Some(token)) => match twilio_client_of(config, account.clone(), token) {
            Ok(client) => return Some(client),
            Err(error) => {
                tracing::error!(%tenant, error = %format_args!("{error:#}"), "a business's own Twilio account cannot be asked");
            }
        },
        Ok(None) => {
            tracing::warn!(%tenant, "a business has a Twilio account of its own and no auth token, so its list of calls is not read");
        }
        Err(error) => {
            tracing::error!(%tenant, error = %error.chain(), "a business's own Twilio auth token cannot be opened");
        }
    }
    None
}

/// A call of Twilio's list in the rule's words; `None` while it waits in Twilio's queue.
fn carrier_call(call: ListedCall, owners: &[TenantId]) -> Option<CarrierCall> {
    let is_inbound = call.is_inbound();
    Some(CarrierCall {
        sid: call.sid,
        parent: call.parent,
        only_for: owners.to_vec(),
        is_inbound,
        caller: call.from,
        called: call.to,
        status: call.status,
        started_at: call.started_at?,
        ended_at: call.ended_at,
        duration_ms: call.duration_s.map(|seconds| i64::from(seconds) * 1_000),
        charge: call.price.map_or(Charge::NotYet, charge),
    })
}

/// A price that Twilio pays is none that we could count.
fn charge(price: Price) -> Charge {
    match price.charged_micro_usd() {
        Some(micros) if micros >= 0 => Charge::Known(MicroUsd(micros)),
        _ => Charge::Foreign,
    }
}
