//! A server under fault: the real `prosaas` as a process of its own that can be killed, told to stop and started
//! again on the same data, and the line that leads to it.

use std::{
    fs::File,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use prosaas_core::{
    AccountSid, Business, CallSid, E164, Language, SecretString, TenantId, TransferTarget,
    time::SystemClock,
};
use prosaas_crm::{
    BusinessAdmin as _, CrmStore, StoreOptions, auth::SystemScope, default_business,
};
use prosaas_twilio::testkit::{
    carrier::{CallObservation, CallScript, Carrier, CarrierConfig, TimedEvent},
    rest_api::FakeRestApi,
};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    generator::webhook::{PUBLIC_BASE_URL, Webhooks},
    subject::{Server, server_program, until_healthy},
};

/// Signs the carrier's requests. Made up.
pub(super) const AUTH_TOKEN: &str = "0c1d2e3f405162738495a6b7c8d9eaf0";
/// Where the server keeps sentences spoken in advance, under its data.
const VOICES: &str = "voice-cache";
/// Twilio's limit for one exchange with a webhook.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a server may take to end itself.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// The one business of every installation: always the same, so that what was spoken in advance for it serves in
/// all of them.
pub(super) fn business(limit: u32) -> Business {
    let id = TenantId::from_uuid(Uuid::from_u64_pair(
        0x0198_0000_0000_7000,
        0x8000_0000_0000_00fa,
    ));
    let mut business = default_business(id, "Bench", Language::En);
    business.limits.max_live_calls = limit;
    business
}

/// What a server is started with.
#[derive(Debug, Clone)]
pub(super) struct Setup<'a> {
    /// Where the model listens.
    pub(super) model: SocketAddr,
    /// How many live calls the business may have.
    pub(super) limit: u32,
    /// Sentences spoken in advance; without it there are none yet.
    pub(super) voices: Option<&'a Path>,
    /// PostgreSQL, as the application's role and as the owner; without it a file.
    pub(super) postgres: Option<(String, String)>,
    /// Whom the business's calls may be transferred to.
    pub(super) transfer: &'a [TransferTarget],
}

impl<'a> Setup<'a> {
    /// A business with more room than a row has calls, on a file, with this model and these sentences.
    pub(super) const fn roomy(model: SocketAddr, voices: &'a Path) -> Self {
        Self {
            model,
            limit: 10_000,
            voices: Some(voices),
            postgres: None,
            transfer: &[],
        }
    }
}

/// A call that was placed.
#[derive(Debug)]
pub(super) struct Placed {
    /// Its id.
    pub(super) call: CallSid,
    /// When its own time began.
    pub(super) began: Instant,
    /// What the caller's side saw and heard.
    pub(super) seen: CallObservation,
}

impl Placed {
    /// Without its sound, which is judged already: thousands of calls are kept.
    pub(super) fn without_audio(mut self) -> Self {
        self.seen.agent_audio = Vec::new();
        self.seen.caller_audio = Vec::new();
        self
    }
}

/// A server and its data.
pub(super) struct Installation {
    directory: TempDir,
    program: PathBuf,
    variables: Vec<(&'static str, String)>,
    options: StoreOptions,
    address: SocketAddr,
    child: Option<Child>,
    rest: FakeRestApi,
    http: reqwest::Client,
}

impl Installation {
    /// Starts it as [`Setup::roomy`] says.
    pub(super) async fn roomy(model: SocketAddr, voices: &Path) -> anyhow::Result<Self> {
        Self::start(&Setup::roomy(model, voices)).await
    }

    /// Creates the data and starts the server.
    pub(super) async fn start(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("prosaas-faults-")?;
        let data = directory.path().join("data");
        std::fs::create_dir_all(&data)?;
        if let Some(voices) = setup.voices {
            copy(voices, &data.join(VOICES))?;
        }
        // Free now, and nobody else is likely to take it; the same one serves after a restart.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let program = server_program()?;
        let rest = FakeRestApi::start(account()?, SecretString::from(AUTH_TOKEN))
            .await
            .context("the fake of Twilio's API could not be started")?;
        let server = Server {
            program: &program,
            model: setup.model,
            auth_token: AUTH_TOKEN,
            batch_ms: 20,
            businesses: 1,
        };
        let mut variables = server.variables(directory.path(), address);
        variables.extend([
            ("TWILIO_ACCOUNT_SID", rest.account().to_string()),
            ("TWILIO_API_BASE", rest.base_url().to_owned()),
            ("PROSAAS_LOG", "warn".to_owned()),
        ]);
        let options = database(&mut variables, &data, setup.postgres.as_ref());
        let mut installation = Self {
            directory,
            program,
            variables,
            options,
            address,
            child: None,
            rest,
            http: http_client()?,
        };
        let mut own = business(setup.limit);
        own.transfer = setup.transfer.to_vec();
        installation.add(&own, 0).await?;
        installation.serve().await?;
        Ok(installation)
    }

    /// Adds a business; its number is the one with this index.
    pub(super) async fn add(&self, business: &Business, index: u32) -> anyhow::Result<()> {
        let store = self.store().await?;
        let number = E164::parse(&Webhooks::business_number(index))?;
        store
            .add_business(&SystemScope::from_operator(), business, &[number])
            .await?;
        store.close().await;
        Ok(())
    }

    /// A store on the server's database, beside it.
    pub(super) async fn store(&self) -> anyhow::Result<CrmStore> {
        Ok(CrmStore::open_with(&self.options, Arc::new(SystemClock)).await?)
    }

    /// Starts the server; returns when it answers.
    pub(super) async fn serve(&mut self) -> anyhow::Result<()> {
        let log = self.directory.path().join("server.log");
        let output = File::options().append(true).create(true).open(&log)?;
        let mut child = Command::new(&self.program)
            .arg("serve")
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        until_healthy(&mut child, self.address, &log).await?;
        self.child = Some(child);
        Ok(())
    }

    /// `kill -9`; returns when the process is gone.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("no server runs")?;
        child.kill().await.context("the server could not be killed")
    }

    /// The process, for `/proc`.
    pub(super) fn pid(&self) -> anyhow::Result<u32> {
        let id = self.child.as_ref().and_then(Child::id);
        id.context("no server runs")
    }

    /// Tells the server to stop, and goes on.
    pub(super) async fn terminate(&self) -> anyhow::Result<()> {
        let id = self.pid()?.to_string();
        let sent = Command::new("kill")
            .args(["-s", "TERM", &id])
            .status()
            .await?;
        ensure!(sent.success(), "the server could not be told to stop");
        Ok(())
    }

    /// Waits until the server has ended itself.
    pub(super) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let mut child = self.child.take().context("no server runs")?;
        match tokio::time::timeout(ENDS_WITHIN, child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("the server did not end within {} s", ENDS_WITHIN.as_secs()),
        }
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the sentences spoken in advance are.
    pub(super) fn voices(&self) -> PathBuf {
        self.directory.path().join("data").join(VOICES)
    }

    /// Places the call of this number, each from another caller; `live` is told everything at once.
    pub(super) fn place(
        &self,
        number: u32,
        script: CallScript,
        live: Option<mpsc::Sender<TimedEvent>>,
    ) -> anyhow::Result<impl Future<Output = Placed> + Send + use<>> {
        let mut carrier = Carrier::new(self.line(number)?);
        if let Some(live) = live {
            carrier = carrier.with_live_events(live);
        }
        let call = sid(number)?;
        Ok(async move {
            let began = Instant::now();
            let seen = carrier.place_call_as(call.clone(), script).await;
            Placed { call, began, seen }
        })
    }

    fn line(&self, number: u32) -> anyhow::Result<CarrierConfig> {
        Ok(CarrierConfig {
            webhook_url: format!("{PUBLIC_BASE_URL}/webhook/incoming_call"),
            status_callback: Some(format!("{PUBLIC_BASE_URL}/webhook/call_status")),
            account_sid: self.rest.account().clone(),
            auth_token: SecretString::from(AUTH_TOKEN),
            from: Some(caller(number)?),
            to: E164::parse(&Webhooks::business_number(0))?,
            extra_fields: Vec::new(),
            connect_to: Some(self.address),
            duplicate_callbacks: false,
            rest_api: Some(self.rest.clone()),
            http: self.http.clone(),
        })
    }

    /// Ends a call from the carrier's side, as its API is asked to.
    pub(super) async fn hang_up(&self, call: &CallSid) -> anyhow::Result<()> {
        let account = self.rest.account();
        let base = self.rest.base_url();
        let url = format!("{base}/2010-04-01/Accounts/{account}/Calls/{call}.json");
        let request = self
            .http
            .post(url)
            .basic_auth(account, Some(AUTH_TOKEN))
            .form(&[("Status", "completed")]);
        let status = request.send().await?.status();
        ensure!(status.is_success(), "a call could not be ended: {status}");
        Ok(())
    }
}

/// Who places the call of this number.
pub(super) fn caller(number: u32) -> anyhow::Result<E164> {
    Ok(E164::parse(&format!("+972501{number:06}"))?)
}

/// The id of the call of this number.
pub(super) fn sid(number: u32) -> anyhow::Result<CallSid> {
    Ok(format!("CA{number:032x}").parse()?)
}

/// The account of the generator's identities.
fn account() -> anyhow::Result<AccountSid> {
    Ok(format!("AC{:032x}", 1).parse()?)
}

/// A client for webhooks as Twilio is one: no redirects, 15 s.
fn http_client() -> anyhow::Result<reqwest::Client> {
    // Installed already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // A connection of a server that was killed must not be tried first by the next request.
        .pool_max_idle_per_host(0)
        .timeout(WEBHOOK_TIMEOUT)
        .build()
        .context("the HTTP client could not be set up")
}

/// Tells the server of its database; how this side opens it.
fn database(
    variables: &mut Vec<(&'static str, String)>,
    data: &Path,
    postgres: Option<&(String, String)>,
) -> StoreOptions {
    let Some((application, owner)) = postgres else {
        let file = data.join("prosaas.db");
        return StoreOptions::new(&format!("sqlite:{}", file.display()));
    };
    variables.retain(|(name, _)| *name != "DATABASE_URL");
    variables.push(("DATABASE_URL", application.clone()));
    variables.push(("DATABASE_URL_DIRECT", owner.clone()));
    StoreOptions::new(application).migrate_over(owner)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
