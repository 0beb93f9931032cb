//! A clone of the repository with settings of its own, and what is asked of the services that run out of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{capture, command, root, run, target_dir};

const PROJECT: &str = "prosaas-check";
/// The network in which the services see each other.
pub(super) const NETWORK: &str = "prosaas-check_inside";
/// What the installation is called.
pub(super) const HOST: &str = "prosaas.test";
/// What signs webhooks here.
pub(super) const AUTH_TOKEN: &str = "a-token-of-nobody";
/// What is added for the check, and what it is for; `@` stands for the clone.
///
/// The models' and WhatsApp's real servers are replaced by our fakes, each beside the program that asks it: plain
/// connections are taken towards loopback only, in production too. Everything else is as it is delivered.
const OVERRIDE: &str = r#"services:
  backend:
    entrypoint: ["sh", "-c", "prosaas fake model --listen 127.0.0.1:9009 --transcript /check/caller.txt & exec prosaas serve"]
    volumes: ["@/testdata:/check:ro"]
    # A machine for tests may give less than a server's.
    ulimits: { nofile: { soft: 16384, hard: 16384 } }
  baileys:
    entrypoint: ["sh", "/check/with-peer.sh"]
    environment: { WA_VERSION: "2.3000.1", WA_PACE: none }
    volumes:
      - "@/../check:/check:ro"
      - "@/baileys:/peer:ro"
      - "@/baileys/target/all/test/peer/trust.js:/app/trust.js:ro"
  frontend:
    ulimits: { nofile: { soft: 16384, hard: 16384 } }
    networks: { inside: { aliases: [prosaas.test, media.prosaas.test, n8n.prosaas.test] } }
"#;
/// The sidecar as it is delivered, which is made to trust the local WhatsApp that runs beside it.
const WITH_PEER: &str = r#"set -e
mkfifo /tmp/held
sleep infinity >/tmp/held &
node /peer/target/all/test/peer/main.js </tmp/held >/tmp/peer.json &
until [ -s /tmp/peer.json ]; do sleep 0.1; done
of_peer() { node -p "JSON.parse(require('fs').readFileSync('/tmp/peer.json', 'utf8')).$1"; }
WA_WEB_SOCKET_URL=$(of_peer whatsapp_url) WA_TEST_ROOT_KEY=$(of_peer root_key)
export WA_WEB_SOCKET_URL WA_TEST_ROOT_KEY
exec node --import /app/trust.js dist/main.js
"#;

/// Where the services run out of.
pub(super) struct Site {
    /// The clone.
    pub(super) folder: PathBuf,
    files: String,
}

impl Site {
    /// A new clone of what is committed, with its settings.
    pub(super) fn cloned() -> Result<Self> {
        let site = Self::earlier()?;
        if site.folder.exists() {
            fs::remove_dir_all(&site.folder)?;
        }
        let mut clone = command("git");
        run(clone
            .args(["clone", "--quiet"])
            .arg(root())
            .arg(&site.folder))?;
        site.without_settings()?;
        site.write_settings()?;
        Ok(site)
    }

    /// The clone of an earlier run, as it lies there.
    pub(super) fn earlier() -> Result<Self> {
        let home = target_dir().join("compose-check");
        let folder = home.join("clone");
        fs::create_dir_all(home.join("check"))?;
        let added = home.join("override.yml");
        let place = folder
            .to_str()
            .context("the target folder's name is no text")?;
        fs::write(&added, OVERRIDE.replace('@', place))?;
        fs::write(home.join("check/with-peer.sh"), WITH_PEER)?;
        let files = format!("docker-compose.yml:{}", added.display());
        Ok(Self { folder, files })
    }

    /// The short name of the clone's commit, which images are tagged with.
    pub(super) fn tag(&self) -> Result<String> {
        let mut rev = self.command("git");
        let rev = capture(rev.args(["rev-parse", "--short", "HEAD"]))?;
        Ok(rev.trim().to_owned())
    }

    /// A command in the clone, for which `docker compose` is this project.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = command(program);
        command
            .current_dir(&self.folder)
            .env("COMPOSE_PROJECT_NAME", PROJECT)
            .env("COMPOSE_PROFILES", "postgres")
            .env("COMPOSE_FILE", &self.files);
        command
    }

    /// `docker compose` with these words.
    pub(super) fn compose(&self, words: &[&str]) -> Command {
        let mut docker = self.command("docker");
        docker.arg("compose").args(words);
        docker
    }

    /// The settings of an installation that nobody calls.
    fn write_settings(&self) -> Result<()> {
        let secret = "0123456789abcdef".repeat(4);
        let lines = [
            format!("PROSAAS_TAG={}", self.tag()?),
            "FRONTEND_BIND=127.0.0.1".to_owned(),
            format!("PUBLIC_BASE_URL=https://{HOST}"),
            format!("PUBLIC_MEDIA_URL=wss://media.{HOST}/media"),
            format!("N8N_HOST=n8n.{HOST}"),
            format!("N8N_WEBHOOK_URL=https://n8n.{HOST}/"),
            "PROSAAS_WEBHOOKS_ALSO_TO=n8n:5678".to_owned(),
            "OPENAI_API_KEY=sk-of-nobody".to_owned(),
            "OPENAI_REALTIME_URL=ws://127.0.0.1:9009/v1/realtime".to_owned(),
            "OPENAI_BASE_URL=http://127.0.0.1:9009/v1".to_owned(),
            "TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001".to_owned(),
            format!("TWILIO_AUTH_TOKEN={AUTH_TOKEN}"),
            "TWILIO_PHONE_NUMBER=+97231234567".to_owned(),
            format!("INTERNAL_SECRET={secret}"),
            format!("PROSAAS_MASTER_KEY=1:{}=", "A".repeat(43)),
            format!("BAILEYS_STORE_KEY={secret}"),
            format!("N8N_ENCRYPTION_KEY={secret}"),
            "POSTGRES_PASSWORD=postgres".to_owned(),
            "POSTGRES_OWNER_PASSWORD=owner".to_owned(),
            "POSTGRES_APP_PASSWORD=app".to_owned(),
            "DATABASE_URL=postgres://prosaas_app:app@postgres/prosaas".to_owned(),
            "DATABASE_URL_DIRECT=postgres://prosaas_owner:owner@postgres/prosaas".to_owned(),
        ];
        fs::write(self.folder.join(".env"), lines.join("\n") + "\n")?;
        Ok(())
    }

    /// Adds a setting, or changes it.
    pub(super) fn set(&self, name: &str, value: &str) -> Result<()> {
        let file = self.folder.join(".env");
        let before = fs::read_to_string(&file)?;
        let others = before
            .lines()
            .filter(|line| !line.starts_with(&format!("{name}=")));
        let mut after: Vec<_> = others.map(str::to_owned).collect();
        after.push(format!("{name}={value}"));
        fs::write(file, after.join("\n") + "\n")?;
        Ok(())
    }

    /// Compose reads its file without an `.env`, and says nothing.
    fn without_settings(&self) -> Result<()> {
        let output = command("docker")
            .current_dir(&self.folder)
            .args(["compose", "config", "--quiet"])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success() && said.trim().is_empty(),
            "`docker compose config` without settings: {said}"
        );
        Ok(())
    }

    /// Builds the local WhatsApp, which is no part of an image.
    pub(super) fn build_peer(&self) -> Result<()> {
        let baileys = self.folder.join("baileys");
        let npm = |words: &[&str]| run(self.command("npm").args(words).current_dir(&baileys));
        npm(&["ci", "--silent", "--ignore-scripts"])?;
        run(self
            .command("node")
            .arg("node_modules/typescript/bin/tsc")
            .current_dir(&baileys))
    }

    /// A file of the check, which containers see below `/check`.
    pub(super) fn shared(&self, name: &str) -> PathBuf {
        self.folder
            .parent()
            .unwrap_or(Path::new("/"))
            .join("check")
            .join(name)
    }

    /// The only container of a service.
    pub(super) fn container(&self, service: &str) -> Result<String> {
        let listed = capture(&mut self.compose(&["ps", "--all", "--quiet", service]))?;
        let mut lines = listed.lines();
        match (lines.next(), lines.next()) {
            (Some(one), None) => Ok(one.to_owned()),
            _ => anyhow::bail!("`{service}` has not exactly one container: {listed}"),
        }
    }
}
