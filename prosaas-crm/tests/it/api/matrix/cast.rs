//! Everybody who asks.

use std::collections::{BTreeMap, HashMap};

use prosaas_core::{ExposeSecret as _, Language, SecretString};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::passkey::{Passkeys, StoredPasskey};
use prosaas_crm::auth::password::{NewPassword, Passwords, StoredPassword};
use prosaas_crm::auth::token::{ApiKey, KeyEnvironment, OpaqueToken};
use prosaas_crm::auth::{Permission, Permissions, Role, SystemScope, TenantScope};
use prosaas_crm::model::access::{NewActing, NewApiKey, SessionRules, SignedIn};
use prosaas_crm::model::id::UserId;
use prosaas_crm::model::user::NewUser;

use super::operation::Needs;
use super::world::{Thing, Things, tenant};
use crate::api::support::{Ask, ORIGIN};
use crate::auth::authenticator::Authenticator;
use crate::support::NOW;

/// One of the businesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Company {
    Ours,
    Theirs,
    /// It was deleted; its people, keys and sessions are still around.
    Gone,
}

impl Company {
    pub(super) const ALL: [Self; 3] = [Self::Ours, Self::Theirs, Self::Gone];
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Actor {
    Viewer,
    Agent,
    Manager,
    Owner,
    /// An administrator of the installation, in no business.
    SystemAdmin,
    /// An administrator acting for the business.
    Acting,
    /// An API key with this right alone.
    Key(Permission),
    /// An API key with every right but this one.
    KeyWithout(Permission),
    Nobody,
    Expired,
    RevokedKey,
}

/// What an actor should get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Success,
    Forbidden,
    Unauthenticated,
}

impl Actor {
    /// Everybody who could ask for an operation with this row.
    pub(super) fn for_row(needs: Needs) -> Vec<Self> {
        let right = match needs {
            Needs::Tenant(permission) => permission,
            _ => Permission::LeadsRead,
        };
        vec![
            Self::Owner,
            Self::Viewer,
            Self::Agent,
            Self::Manager,
            Self::SystemAdmin,
            Self::Acting,
            Self::Key(right),
            Self::KeyWithout(right),
            Self::Nobody,
            Self::Expired,
            Self::RevokedKey,
        ]
    }

    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }

    /// What he should get for an operation of his own business.
    pub(super) fn expects(self, needs: Needs) -> Expected {
        let allowed = match (self, needs) {
            (_, Needs::Public) => true,
            (Self::Nobody | Self::Expired | Self::RevokedKey, _) => {
                return Expected::Unauthenticated;
            }
            (Self::Key(_) | Self::KeyWithout(_), Needs::Session | Needs::System) => false,
            (_, Needs::Session) => true,
            (actor, Needs::System) => actor == Self::SystemAdmin,
            (actor, Needs::Tenant(permission)) => actor
                .rights()
                .is_some_and(|rights| rights.contains(permission)),
        };
        if allowed {
            Expected::Success
        } else {
            Expected::Forbidden
        }
    }

    /// His rights in the business he works in.
    fn rights(self) -> Option<Permissions> {
        let untouchable = |rights: Permissions| {
            rights
                .without(Permission::KeysWrite)
                .without(Permission::UsersWrite)
        };
        Some(match self {
            Self::Viewer => Role::Viewer.permissions(),
            Self::Agent => Role::Agent.permissions(),
            Self::Manager => Role::Manager.permissions(),
            Self::Owner => Role::Owner.permissions(),
            Self::Acting => untouchable(Permissions::all())
                .without(Permission::LeadsPurge)
                .without(Permission::PrivacyWrite),
            Self::Key(right) => untouchable(std::iter::once(right).collect()),
            Self::KeyWithout(right) => untouchable(Permissions::all().without(right)),
            Self::SystemAdmin | Self::Nobody | Self::Expired | Self::RevokedKey => return None,
        })
    }
}

/// The people and keys of both businesses.
#[derive(Debug)]
pub(super) struct Cast {
    words: HashMap<(Actor, Company), Word>,
    people: BTreeMap<Company, Things>,
}

/// What somebody shows of himself.
#[derive(Clone, Debug)]
enum Word {
    Session(String),
    Key(String),
}

/// The password of everybody, as the document's examples have it.
const PASSWORD: &str = "correct horse battery staple";
const OPERATOR: SystemScope = SystemScope::from_operator();
const RULES: SessionRules = SessionRules::STANDARD;

/// Puts everybody into the database, with sessions and keys that are real.
struct Casting<'s> {
    store: &'s CrmStore,
    password: StoredPassword,
    words: HashMap<(Actor, Company), Word>,
}

impl Casting<'_> {
    async fn account(&self, email: &str, system_admin: bool) -> UserId {
        let new = NewUser::new(email, "Somebody", Language::En).unwrap();
        let user = self
            .store
            .add_user(&OPERATOR, &new, system_admin)
            .await
            .unwrap()
            .id;
        self.store.set_password(user, &self.password).await.unwrap();
        user
    }

    async fn session(&self, user: UserId, rules: SessionRules) -> OpaqueToken {
        self.store
            .open_session(user, "matrix", true, rules)
            .await
            .unwrap()
    }

    async fn signed_in(&self, token: &OpaqueToken) -> SignedIn {
        self.store
            .signed_in(&token.hash(), RULES)
            .await
            .unwrap()
            .unwrap()
    }

    fn session_of(&mut self, actor: Actor, company: Company, token: &OpaqueToken) {
        let word = Word::Session(token.expose().to_owned());
        self.words.insert((actor, company), word);
    }

    async fn members(&mut self, company: Company) -> Things {
        let domain = match company {
            Company::Ours => "ours.example",
            Company::Theirs => "theirs.example",
            Company::Gone => "gone.example",
        };
        let scope = OPERATOR.tenant(tenant(company)).unwrap();
        let mut owner = None;
        for (actor, role) in [
            (Actor::Owner, Role::Owner),
            (Actor::Manager, Role::Manager),
            (Actor::Agent, Role::Agent),
            (Actor::Viewer, Role::Viewer),
        ] {
            let user = self.account(&format!("{role}@{domain}"), false).await;
            self.store.add_member(&scope, user, role).await.unwrap();
            let token = self.session(user, RULES).await;
            self.session_of(actor, company, &token);
            owner = owner.or(Some(user));
        }
        let owner = owner.unwrap();
        let over = SessionRules {
            absolute_ms: 0,
            ..RULES
        };
        let expired = self.session(owner, over).await;
        self.session_of(Actor::Expired, company, &expired);
        // A second owner, so that the first one could be removed if nothing else forbade it.
        let second = self.account(&format!("second@{domain}"), false).await;
        self.store
            .add_member(&scope, second, Role::Owner)
            .await
            .unwrap();
        self.keys(company, owner).await;
        self.things_of(company, owner).await
    }

    async fn keys(&mut self, company: Company, owner: UserId) {
        let token = self.session(owner, RULES).await;
        let scope = self.signed_in(&token).await.tenant.unwrap();
        for permission in Permission::ALL {
            for actor in [Actor::Key(permission), Actor::KeyWithout(permission)] {
                // No key has the rights over members and keys: it gets another one.
                let rights = actor.rights().unwrap();
                let rights = if rights.iter().next().is_none() {
                    std::iter::once(Permission::LeadsRead).collect()
                } else {
                    rights
                };
                let key = self.key(&scope, rights).await;
                let text = key.expose().expose_secret().to_owned();
                self.words.insert((actor, company), Word::Key(text));
            }
        }
        let revoked = self.key(&scope, Role::Viewer.permissions()).await;
        self.store
            .revoke_api_key(&scope, revoked.id, None)
            .await
            .unwrap();
        let text = revoked.expose().expose_secret().to_owned();
        self.words
            .insert((Actor::RevokedKey, company), Word::Key(text));
    }

    async fn key(&self, scope: &TenantScope, rights: Permissions) -> ApiKey {
        let new = NewApiKey::new("matrix", rights, None, NOW).unwrap();
        let made = self
            .store
            .create_api_key(scope, &new, KeyEnvironment::Live)
            .await;
        let (key, _) = made.unwrap();
        // Its first use is noted: what comes later changes nothing.
        self.store.prove_api_key(&key).await.unwrap();
        key
    }

    async fn things_of(&self, company: Company, owner: UserId) -> Things {
        let other = self.session(owner, RULES).await;
        let other = self.signed_in(&other).await.session;
        let key = passkey(company, owner);
        let json = serde_json::from_str(&key.to_json().unwrap()).unwrap();
        let added = self
            .store
            .add_passkey(owner, key.credential_id(), json, "Phone");
        let passkey = added.await;
        let thing = |id: String| Thing { id, version: 1 };
        Things::from([
            ("ten".to_owned(), thing(tenant(company).to_string())),
            ("sess".to_owned(), thing(other.to_string())),
            ("pk".to_owned(), thing(passkey.unwrap().to_string())),
        ])
    }

    async fn administrators(&mut self) {
        let admin = self.account("admin@installation.example", true).await;
        for company in Company::ALL {
            let token = self.session(admin, RULES).await;
            self.session_of(Actor::SystemAdmin, company, &token);
            let token = self.session(admin, RULES).await;
            let before = self.signed_in(&token).await;
            let new = NewActing::new(tenant(company), "a matrix", 60).unwrap();
            let system = before.system.unwrap();
            let begun = self.store.begin_acting(&system, before.session, &new);
            let (token, _) = begun.await.unwrap();
            self.session_of(Actor::Acting, company, &token);
        }
    }
}

/// A passkey as a device makes it.
fn passkey(company: Company, owner: UserId) -> StoredPasskey {
    let passkeys = Passkeys::new(&ORIGIN.parse().unwrap(), "ProSaaS").unwrap();
    let device = Authenticator::new(company as u8 + 1, ORIGIN, "crm.example");
    let begun = passkeys
        .begin_registration(owner, "owner", "Owner", &[])
        .unwrap();
    let answer = device.create(&begun.challenge);
    passkeys.end_registration(&begun.state, answer).unwrap()
}

impl Cast {
    pub(super) async fn assemble(store: &CrmStore) -> Self {
        let password = NewPassword::parse(&SecretString::from(PASSWORD), "").unwrap();
        let password = Passwords::standard().unwrap().hash(password).await.unwrap();
        let mut casting = Casting {
            store,
            password,
            words: HashMap::new(),
        };
        let mut people = BTreeMap::new();
        for company in Company::ALL {
            people.insert(company, casting.members(company).await);
        }
        casting.administrators().await;
        Self {
            words: casting.words,
            people,
        }
    }

    /// The owner's key to a business.
    pub(super) fn scope(company: Company) -> TenantScope {
        TenantScope::from_trusted_host(tenant(company), Permissions::all())
    }

    /// The people's things that requests may name.
    pub(super) fn people(&self, company: Company) -> Things {
        self.people[&company].clone()
    }

    /// The request in somebody's name.
    pub(super) fn ask_as(&self, ask: Ask, actor: Actor, company: Company) -> Ask {
        let ask = ask.with("x-prosaas-request", "1");
        match self.words.get(&(actor, company)) {
            Some(Word::Session(token)) => {
                ask.with("cookie", format!("__Host-prosaas_session={token}"))
            }
            Some(Word::Key(key)) => ask.with("authorization", format!("Bearer {key}")),
            None => ask,
        }
    }
}
