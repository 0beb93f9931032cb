//! A PostgreSQL of one test's own, to be stopped, halted and started again. There is one where
//! `cargo xtask postgres -- cargo test ...` runs, because then its programs are installed.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::databases::{Database, variable};
use super::until;

const VERSIONS: &str = "/usr/lib/postgresql";
const SUPERUSER: &str = "postgres";
const OWNER: &str = "prosaas_owner";
const APPLICATION: &str = "prosaas_app";

/// A server with the roles of an installation. It ends with the test.
pub(crate) struct Postgres {
    directory: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts one, where PostgreSQL is installed.
    pub(crate) async fn start() -> Option<Self> {
        variable("PROSAAS_TEST_POSTGRES")?;
        let made = Command::new("mktemp")
            .args(["-d", "-t", "prosaas-outage-XXXXXXXX"])
            .output()
            .unwrap();
        let directory = PathBuf::from(String::from_utf8(made.stdout).unwrap().trim());
        if is_root() {
            let owner = format!("{SUPERUSER}:{SUPERUSER}");
            done(Command::new("chown").arg(owner).arg(&directory));
        }
        let port = free_port();
        let postgres = Self { directory, port };
        done(postgres.program("initdb").args([
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--username",
            SUPERUSER,
        ]));
        postgres.begin().await;
        for statement in [
            format!("CREATE ROLE {OWNER} LOGIN CREATEDB"),
            format!("CREATE ROLE {APPLICATION} LOGIN"),
        ] {
            let host = postgres.directory.display().to_string();
            let port = postgres.port.to_string();
            done(
                Command::new(installed("psql"))
                    .args(["--no-psqlrc", "--quiet", "--host", &host, "--port", &port])
                    .args(["--username", SUPERUSER, "--command", &statement, "postgres"]),
            );
        }
        Some(postgres)
    }

    /// A fresh database on it.
    pub(crate) async fn database(&self) -> Database {
        let url = |role| format!("postgres://{role}@127.0.0.1:{}/postgres", self.port);
        Database::on_postgres(&url(APPLICATION), &url(OWNER)).await
    }

    /// Begins to run, and returns when it takes connections.
    pub(crate) async fn begin(&self) {
        let settings = format!(
            "-p {} -h 127.0.0.1 -k {} -c fsync=off -c max_connections=60",
            self.port,
            self.directory.display()
        );
        let log = self.directory.join("log");
        done(
            self.program("pg_ctl")
                .args(["start", "--wait", "--silent", "--log"])
                .arg(log)
                .args(["--options", &settings]),
        );
        until("PostgreSQL takes connections", async || {
            let port = self.port.to_string();
            let mut asked = Command::new(installed("pg_isready"));
            asked.args(["--quiet", "--host", "127.0.0.1", "--port", &port]);
            asked.status().unwrap().success().then_some(())
        })
        .await;
    }

    /// Ends it without waiting for anybody, as a crash would.
    pub(crate) fn halt(&self) {
        done(
            self.program("pg_ctl")
                .args(["stop", "--silent", "--mode", "immediate"]),
        );
    }

    /// Sends a signal to the server and to all that serve its connections: `STOP` leaves the connections
    /// open and silent.
    pub(crate) fn signal_all(&self, name: &str) {
        let file = std::fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap();
        let server = file.lines().next().unwrap().to_owned();
        let listed = Command::new("ps")
            .args(["-o", "pid=", "--ppid", &server])
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        // One that has served its connection may be gone by now.
        let mut serving = Command::new("kill");
        serving.args(["-s", name]).args(listed.split_whitespace());
        let _ = serving.stderr(Stdio::null()).status().unwrap();
        done(Command::new("kill").args(["-s", name, &server]));
    }

    /// A program as the user that may run a server, on this server's data.
    fn program(&self, name: &str) -> Command {
        let program = installed(name);
        let mut command = if is_root() {
            let mut wrapped = Command::new("setpriv");
            wrapped.args(["--reuid", SUPERUSER, "--regid", SUPERUSER]);
            wrapped.args(["--init-groups", "--"]).arg(program);
            wrapped
        } else {
            Command::new(program)
        };
        command
            .current_dir(&self.directory)
            .env("PGDATA", self.directory.join("data"))
            .stdout(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.directory.join("data/postmaster.pid").exists() {
            self.signal_all("CONT");
            self.halt();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn done(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

fn is_root() -> bool {
    let said = Command::new("id").arg("-u").output().unwrap();
    said.stdout.trim_ascii() == b"0"
}

/// A program of the newest server installed.
fn installed(name: &str) -> PathBuf {
    let versions = std::fs::read_dir(VERSIONS).unwrap();
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .unwrap();
    Path::new(VERSIONS).join(format!("{newest}/bin/{name}"))
}
