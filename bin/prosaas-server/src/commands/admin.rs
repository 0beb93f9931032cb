//! `prosaas admin`: what an operator does on the machine itself.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use prosaas_core::time::SystemClock;
use prosaas_core::{Clock as _, E164, Language, TenantId, TransferTarget};
use prosaas_crm::auth::SystemScope;
use prosaas_crm::{BusinessAdmin, ListedBusiness, default_business};

use super::admin_user::{self, UserCommand};
use crate::config::Config;
use crate::wiring;

/// What can be managed.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Manage businesses.
    #[command(subcommand)]
    Business(BusinessCommand),
    /// Manage users and administrators.
    #[command(subcommand)]
    User(UserCommand),
}

/// What can be done with businesses.
#[derive(Debug, Subcommand)]
pub enum BusinessCommand {
    /// Add a business and its phone numbers.
    Add(NewBusiness),
    /// List all businesses with their numbers.
    List,
}

/// A business to add.
#[derive(Debug, Args)]
pub struct NewBusiness {
    /// The name callers know.
    #[arg(long)]
    pub name: String,
    /// A phone number in international form, such as +97231234567; may be given several times.
    #[arg(long, required = true, value_parser = phone)]
    pub phone: Vec<E164>,
    /// The language the business speaks: he or en.
    #[arg(long, default_value = "he", value_parser = language)]
    pub language: Language,
    /// Whom a call may be transferred to, as LABEL=NUMBER; may be given several times.
    #[arg(long, value_name = "LABEL=NUMBER", value_parser = transfer)]
    pub transfer: Vec<TransferTarget>,
    /// Record calls.
    #[arg(long)]
    pub record: bool,
}

fn phone(text: &str) -> Result<E164, String> {
    E164::parse(text).map_err(|error| error.to_string())
}

fn language(text: &str) -> Result<Language, String> {
    text.parse()
        .map_err(|error: prosaas_core::Error| error.to_string())
}

fn transfer(text: &str) -> Result<TransferTarget, String> {
    let (label, number) = text
        .split_once('=')
        .filter(|(label, _)| !label.trim().is_empty())
        .ok_or("expected LABEL=NUMBER, such as sales=+97231234567")?;
    Ok(TransferTarget {
        label: label.trim().to_owned(),
        number: phone(number)?,
    })
}

/// Runs one command.
///
/// # Errors
/// When the database cannot be opened or refuses the change.
pub async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    let store = wiring::open_store(&config, Arc::new(SystemClock)).await?;
    let answer = match command {
        Command::Business(BusinessCommand::Add(new)) => add(store.as_ref(), new).await?,
        Command::Business(BusinessCommand::List) => list(store.as_ref()).await?,
        Command::User(command) => {
            admin_user::run(store.as_ref(), &config.public_base_url, command).await?
        }
    };
    io::stdout()
        .write_all(answer.as_bytes())
        .context("the answer could not be written")
}

async fn add<S: BusinessAdmin + ?Sized>(store: &S, new: NewBusiness) -> anyhow::Result<String> {
    let id = TenantId::mint(SystemClock.now());
    let mut business = default_business(id, new.name.trim(), new.language);
    business.transfer = new.transfer;
    business.record_calls = new.record;
    store
        .add_business(&SystemScope::from_operator(), &business, &new.phone)
        .await
        .context("the business was not added")?;
    Ok(format!("added {id} {}\n", business.name))
}

async fn list<S: BusinessAdmin + ?Sized>(store: &S) -> anyhow::Result<String> {
    let businesses = store
        .list_businesses(&SystemScope::from_operator())
        .await
        .context("the businesses could not be read")?;
    if businesses.is_empty() {
        return Ok("no businesses yet; add one with `prosaas admin business add`\n".to_owned());
    }
    let mut answer = String::new();
    for ListedBusiness {
        business, numbers, ..
    } in businesses
    {
        // Whole numbers: the operator asked for them, on a terminal, not in a log.
        let numbers: Vec<&str> = numbers.iter().map(E164::expose).collect();
        let (id, language) = (business.id, business.language.code());
        writeln!(
            answer,
            "{id}  {language}  {}  {}",
            numbers.join(","),
            business.name
        )?;
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_targets_are_labels_with_numbers() {
        let target = transfer("sales=+972 3-123-4567").unwrap();
        assert_eq!(
            (target.label.as_str(), target.number.expose()),
            ("sales", "+97231234567")
        );
        for bad in ["sales", "=+97231234567", "sales=031234567", ""] {
            assert!(transfer(bad).is_err(), "{bad}");
        }
    }
}
