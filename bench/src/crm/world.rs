//! The businesses of the measurement and what they are set up with.

use anyhow::Context as _;
use prosaas_core::{E164, Language, TenantId};
use prosaas_crm::auth::{Permissions, Role, SystemScope, TenantScope};
use prosaas_crm::model::custom_field::{FieldKind, NewCustomField};
use prosaas_crm::model::deal::NewPipeline;
use prosaas_crm::model::email::EmailAddress;
use prosaas_crm::model::id::{StageId, TagId, UserId};
use prosaas_crm::model::setup::NewTag;
use prosaas_crm::model::user::NewUser;
use prosaas_crm::{BusinessAdmin as _, CrmStore, default_business};
use uuid::Uuid;

use super::seed::database::Database;
use super::words;

/// A business.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) number: u64,
    pub(crate) id: TenantId,
    pub(crate) leads: u32,
    /// The number that callers dial.
    pub(crate) called: E164,
    pub(crate) stages: Vec<StageId>,
    pub(crate) members: Vec<UserId>,
    pub(crate) tags: Vec<TagId>,
    pub(crate) pipeline: Uuid,
    pub(crate) deal_stages: Vec<Uuid>,
}

impl Tenant {
    /// Leave to do everything in it.
    pub(crate) fn scope(&self) -> TenantScope {
        TenantScope::from_trusted_host(self.id, Permissions::all())
    }
}

/// How large it all is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Leads of the one large business.
    pub(crate) leads: u32,
    /// Businesses in all.
    pub(crate) businesses: u32,
}

impl Size {
    /// Of the business with this number; the first one is the large one.
    const fn leads_of(self, number: u32) -> u32 {
        match number {
            0 => self.leads,
            // The last one stays empty: leads are made there by the store, to be compared.
            _ if number == self.businesses => 0,
            _ => 300,
        }
    }
}

/// All businesses, the large one first, the empty one last.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) tenants: Vec<Tenant>,
}

impl World {
    /// The one that is measured.
    pub(crate) fn large(&self) -> &Tenant {
        &self.tenants[0]
    }

    /// Creates the businesses through the store.
    pub(crate) async fn create(store: &CrmStore, size: Size) -> anyhow::Result<()> {
        for number in 0..=size.businesses {
            set_up(store, number)
                .await
                .with_context(|| format!("business {number}"))?;
        }
        Ok(())
    }

    /// Reads back what the store made of them.
    pub(crate) async fn read(database: &mut Database, size: Size) -> anyhow::Result<Self> {
        let mut tenants = Vec::new();
        for number in 0..=size.businesses {
            let id = tenant_id(number);
            let mut ids = async |sql| database.ids(sql, id.uuid()).await;
            tenants.push(Tenant {
                number: u64::from(number),
                id,
                leads: size.leads_of(number),
                called: called(number)?,
                stages: typed(
                    ids("SELECT id FROM stages WHERE tenant_id = $1 ORDER BY position").await?,
                ),
                members: typed(
                    ids("SELECT user_id FROM memberships WHERE tenant_id = $1 ORDER BY user_id")
                        .await?,
                ),
                tags: typed(ids("SELECT id FROM tags WHERE tenant_id = $1 ORDER BY name").await?),
                pipeline: *ids("SELECT id FROM pipelines WHERE tenant_id = $1")
                    .await?
                    .first()
                    .context("no pipeline")?,
                deal_stages: ids(
                    "SELECT id FROM deal_stages WHERE tenant_id = $1 ORDER BY position",
                )
                .await?,
            });
        }
        Ok(Self { tenants })
    }
}

fn typed<T: From<Uuid>>(ids: Vec<Uuid>) -> Vec<T> {
    ids.into_iter().map(T::from).collect()
}

/// In the order of their numbers, as if one came after the other.
pub(crate) fn tenant_id(number: u32) -> TenantId {
    TenantId::from_uuid(Uuid::from_u64_pair(
        0x0187_0000_0000_7000,
        0x8000_0000_0000_0000 | u64::from(number),
    ))
}

fn called(number: u32) -> anyhow::Result<E164> {
    Ok(E164::parse(&format!("+97231{number:07}"))?)
}

async fn set_up(store: &CrmStore, number: u32) -> anyhow::Result<()> {
    let business = default_business(tenant_id(number), &format!("עסק {number}"), Language::He);
    let operator = SystemScope::from_operator();
    store
        .add_business(&operator, &business, &[called(number)?])
        .await?;
    let scope = TenantScope::from_trusted_host(business.id, Permissions::all());
    let (members, tags) = if number == 0 { (8, 12) } else { (2, 3) };
    for member in 0..members {
        let new = NewUser {
            email: EmailAddress::parse(&format!("member{member}@business{number}.example"))?,
            name: format!("Member {member}"),
            language: Language::He,
        };
        let user = store.add_user(&operator, &new, false).await?;
        let role = if member == 0 {
            Role::Owner
        } else {
            Role::Agent
        };
        store.add_member(&scope, user.id, role).await?;
    }
    for tag in 0..tags {
        let name = format!("tag {tag:02}");
        store
            .add_tag(
                &scope,
                NewTag {
                    name,
                    color: String::new(),
                },
            )
            .await?;
    }
    let town = field(
        "town",
        FieldKind::Choice,
        words::TOWNS.map(str::to_owned).to_vec(),
    );
    store.add_custom_field(&scope, town).await?;
    store
        .add_custom_field(&scope, field("budget", FieldKind::Number, Vec::new()))
        .await?;
    let pipeline = NewPipeline {
        name: "sales".to_owned(),
        position: None,
    };
    store.add_pipeline(&scope, pipeline).await?;
    Ok(())
}

fn field(key: &str, kind: FieldKind, choices: Vec<String>) -> NewCustomField {
    NewCustomField {
        key: key.to_owned(),
        label: key.to_owned(),
        kind,
        choices,
        position: None,
    }
}
