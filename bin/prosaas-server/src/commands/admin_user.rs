//! `prosaas admin user`: accounts, for the operator on the machine itself.
//!
//! No password is typed or printed here: who gets an account gets a one-time link to choose his own.

use std::fmt::Write as _;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use prosaas_core::{Language, TenantId};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::token::OpaqueToken;
use prosaas_crm::auth::{Role, SystemScope};
use prosaas_crm::model::access::LinkPurpose;
use prosaas_crm::model::email::EmailAddress;
use prosaas_crm::model::id::UserId;
use prosaas_crm::model::user::{NewUser, User};
use prosaas_crm::rules::removal::AccountChange;
use prosaas_crm::store::accounts::AccountHeirs;

const OPERATOR: SystemScope = SystemScope::from_operator();
const PAGE: u32 = 200;

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user, and print the link by which he chooses a password.
    Add(AddUser),
    /// List all users.
    List,
    /// Remove a user with all his memberships.
    Remove(RemoveUser),
    /// Print a link by which a user chooses a new password.
    ResetPassword {
        /// His address.
        #[arg(value_parser = email)]
        email: EmailAddress,
    },
}

/// A user to add: an administrator of the installation, or a member of a business.
#[derive(Debug, Args)]
pub struct AddUser {
    /// His address.
    #[arg(long)]
    pub email: String,
    /// His name.
    #[arg(long)]
    pub name: String,
    /// The language of his console: he or en.
    #[arg(long, default_value = "he", value_parser = language)]
    pub language: Language,
    /// He administers the installation.
    #[arg(
        long,
        required_unless_present = "business",
        conflicts_with = "business"
    )]
    pub system_admin: bool,
    /// The business he works in, as `prosaas admin business list` names it.
    #[arg(long)]
    pub business: Option<TenantId>,
    /// What he may do there: owner, manager, agent or viewer.
    #[arg(long, default_value = "owner", value_parser = role)]
    pub role: Role,
}

/// A user to remove.
#[derive(Debug, Args)]
pub struct RemoveUser {
    /// His address.
    #[arg(value_parser = email)]
    pub email: EmailAddress,
    /// Who takes his records in a business, as BUSINESS=ADDRESS; may be given several times.
    #[arg(long, value_name = "BUSINESS=ADDRESS", value_parser = heir)]
    pub reassign: Vec<(TenantId, EmailAddress)>,
}

fn email(text: &str) -> Result<EmailAddress, String> {
    parsed(text)
}

fn language(text: &str) -> Result<Language, String> {
    parsed(text)
}

fn role(text: &str) -> Result<Role, String> {
    parsed(text)
}

fn heir(text: &str) -> Result<(TenantId, EmailAddress), String> {
    let (business, address) = text.split_once('=').ok_or("expected BUSINESS=ADDRESS")?;
    Ok((parsed(business)?, parsed(address)?))
}

fn parsed<T: std::str::FromStr<Err = prosaas_core::Error>>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|error: prosaas_core::Error| error.to_string())
}

/// Runs one command; `public_url` is where the console is.
///
/// # Errors
/// When the store refuses it, with the rule that does.
pub async fn run(
    store: &CrmStore,
    public_url: &str,
    command: UserCommand,
) -> anyhow::Result<String> {
    match command {
        UserCommand::Add(new) => add(store, public_url, new).await,
        UserCommand::List => list(store).await,
        UserCommand::Remove(removal) => remove(store, removal).await,
        UserCommand::ResetPassword { email } => {
            let user = known(store, &email).await?;
            password_link(store, public_url, user.id).await
        }
    }
}

async fn add(store: &CrmStore, public_url: &str, new: AddUser) -> anyhow::Result<String> {
    let account = NewUser::new(&new.email, &new.name, new.language)?;
    let existing = store.user_by_email(&OPERATOR, &account.email).await?;
    let is_new = existing.is_none();
    let user = match existing {
        Some(user) if new.system_admin => {
            store.make_system_admin(&OPERATOR, user.id).await?;
            user
        }
        Some(user) => user,
        None => {
            store
                .add_user(&OPERATOR, &account, new.system_admin)
                .await?
        }
    };
    if let Some(business) = new.business {
        let scope = OPERATOR.tenant(business)?;
        store
            .add_member(&scope, user.id, new.role)
            .await
            .context("the user did not become a member")?;
    }
    let mut answer = format!("added {}\n", user.id);
    if is_new {
        answer.push_str(&password_link(store, public_url, user.id).await?);
    }
    Ok(answer)
}

async fn password_link(store: &CrmStore, public_url: &str, user: UserId) -> anyhow::Result<String> {
    let token = store
        .issue_link(&OPERATOR, LinkPurpose::PasswordReset, user)
        .await?;
    let link = link(public_url, "reset", &token);
    Ok(format!(
        "within 30 minutes, once, he chooses a password at\n{link}\n"
    ))
}

/// The address of a page that takes a one-time token; what stands behind `#` reaches no server's log.
pub fn link(public_url: &str, page: &str, token: &OpaqueToken) -> String {
    let origin = public_url.trim_end_matches('/');
    format!("{origin}/{page}#token={}", token.expose())
}

async fn known(store: &CrmStore, email: &EmailAddress) -> anyhow::Result<User> {
    let user = store.user_by_email(&OPERATOR, email).await?;
    user.context("there is no user with this address")
}

async fn list(store: &CrmStore) -> anyhow::Result<String> {
    let mut answer = String::new();
    let mut after = None;
    loop {
        let users = store.users(&OPERATOR, after, PAGE).await?;
        let Some(last) = users.last() else { break };
        after = Some((last.created_at, last.id));
        for user in &users {
            let (id, status) = (user.id, user.status.as_str());
            let office = if user.system_admin { "admin" } else { "" };
            // Whole addresses: the operator asked for them, on a terminal, not in a log.
            let (email, name) = (user.email.expose(), &user.name);
            writeln!(answer, "{id}  {status:9}  {office:5}  {email}  {name}")?;
        }
    }
    if answer.is_empty() {
        answer.push_str("no users yet; add one with `prosaas admin user add`\n");
    }
    Ok(answer)
}

async fn remove(store: &CrmStore, removal: RemoveUser) -> anyhow::Result<String> {
    let user = known(store, &removal.email).await?;
    let mut heirs = AccountHeirs::new();
    for (business, address) in &removal.reassign {
        heirs.insert(*business, known(store, address).await?.id);
    }
    store
        .change_account(&OPERATOR, user.id, AccountChange::Remove, &heirs)
        .await
        .context("the user was not removed")?;
    Ok(format!("removed {}\n", user.id))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prosaas_core::time::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_user_is_added_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("crm.db").display());
        let store = CrmStore::open(&url, Arc::new(SystemClock)).await.unwrap();
        let add = |email: &str| {
            UserCommand::Add(AddUser {
                email: email.to_owned(),
                name: "Ada".to_owned(),
                language: Language::En,
                system_admin: true,
                business: None,
                role: Role::Owner,
            })
        };
        let site = "https://crm.example/";
        let added = run(&store, site, add("ada@example.com")).await.unwrap();
        assert!(
            added.contains("https://crm.example/reset#token="),
            "{added}"
        );
        let listed = run(&store, site, UserCommand::List).await.unwrap();
        assert!(listed.contains("ada@example.com"), "{listed}");
        let again = UserCommand::ResetPassword {
            email: email("ada@example.com").unwrap(),
        };
        assert!(run(&store, site, again).await.unwrap().contains("#token="));
        run(&store, site, add("eve@example.com")).await.unwrap();
        let removal = || {
            UserCommand::Remove(RemoveUser {
                email: email("eve@example.com").unwrap(),
                reassign: Vec::new(),
            })
        };
        assert!(run(&store, site, removal()).await.is_ok());
        assert!(run(&store, site, removal()).await.is_err());
    }
}
