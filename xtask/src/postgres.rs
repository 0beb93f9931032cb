//! A throw-away PostgreSQL and a PgBouncer in front of it, for tests.
//!
//! The server has four roles: its superuser, which only sets things up; `prosaas_owner`, which owns
//! the tables and migrates; `prosaas_app`, which is neither and does what the application does, so
//! that row-level security holds for it; and `prosaas_witness`, with which a test looks at every row and
//! puts rows back. Nothing here survives the run: the processes end with us, even
//! when we are killed, and their directory goes away.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{capture, command, is_root, memory, root, succeeds};

/// How long the two may take until they answer.
const START_LIMIT: Duration = Duration::from_secs(30);
/// The superuser of the server; as root, also the system user that it runs as.
const SUPERUSER: &str = "postgres";
const OWNER: &str = "prosaas_owner";
const APPLICATION: &str = "prosaas_app";
const WITNESS: &str = "prosaas_witness";
/// Where Debian keeps the server's programs, by version.
const VERSIONS: &str = "/usr/lib/postgresql";

const POOLER: &str = "/usr/sbin/pgbouncer";

/// The running servers; dropping it ends them.
pub(crate) struct Postgres {
    /// Configuration, logs and sockets; it goes away.
    directory: PathBuf,
    /// The database itself, where it stays.
    kept: Option<PathBuf>,
    /// Whether times are taken: then it is as durable as in earnest.
    measures: bool,
    server: Option<Child>,
    pooler: Option<Child>,
    port: u16,
    pooler_port: u16,
}

impl Postgres {
    /// Starts both and creates the roles.
    pub(crate) fn start() -> Result<Self> {
        let mut postgres = Self::new(None)?;
        postgres.start_server()?;
        postgres.create_roles()?;
        postgres.start_pooler()?;
        Ok(postgres)
    }

    /// Starts a server alone for measuring, as Debian configures it: what it acknowledges is durable. Its
    /// database stays in `kept` for the next run.
    pub(crate) fn start_to_measure(kept: &Path) -> Result<Self> {
        let mut postgres = Self::new(Some(kept.to_owned()))?;
        std::fs::create_dir_all(kept)?;
        if is_root() {
            capture(command("chown").arg(format!("{SUPERUSER}:")).arg(kept))?;
        }
        let reachable = postgres
            .as_server_user(Path::new("/usr/bin/test"))
            .arg("-x")
            .arg(kept)
            .status()?;
        if !reachable.success() {
            let user = SUPERUSER;
            println!(
                "   {} is closed to `{user}`: the database is not kept",
                kept.display()
            );
            postgres.kept = None;
        }
        let is_new = !postgres.data().join("PG_VERSION").exists();
        postgres.start_server()?;
        if is_new {
            postgres.create_roles()?;
        }
        Ok(postgres)
    }

    fn new(kept: Option<PathBuf>) -> Result<Self> {
        Ok(Self {
            directory: scratch_directory(kept.is_some())?,
            measures: kept.is_some(),
            kept,
            server: None,
            pooler: None,
            port: free_port()?,
            pooler_port: free_port()?,
        })
    }

    /// What the tests are told: no passwords, since only this machine can connect.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        let url = |role, port| format!("postgres://{role}@127.0.0.1:{port}/postgres");
        [
            ("PROSAAS_TEST_POSTGRES", url(APPLICATION, self.port)),
            ("PROSAAS_TEST_POSTGRES_OWNER", url(OWNER, self.port)),
            ("PROSAAS_TEST_POSTGRES_WITNESS", url(WITNESS, self.port)),
            (
                "PROSAAS_TEST_PGBOUNCER",
                format!("{}?pooler=transaction", url(APPLICATION, self.pooler_port)),
            ),
        ]
    }

    /// What the benchmark is told beside that.
    pub(crate) fn measuring_variables(&self) -> Result<[(&'static str, String); 3]> {
        let superuser = format!("postgres://{SUPERUSER}@127.0.0.1:{}/postgres", self.port);
        let log = self.directory.join("postgres.log");
        Ok([
            ("PROSAAS_TEST_POSTGRES_SUPERUSER", superuser),
            ("PROSAAS_TEST_POSTGRES_LOG", log.display().to_string()),
            (
                "PROSAAS_TEST_PGBENCH",
                program("pgbench")?.display().to_string(),
            ),
        ])
    }

    fn data(&self) -> PathBuf {
        let kept = self.kept.as_ref();
        kept.map_or_else(|| self.directory.join("data"), |kept| kept.join("data"))
    }

    fn start_server(&mut self) -> Result<()> {
        let data = self.data();
        if !data.join("PG_VERSION").exists() {
            self.create_cluster(&data)?;
        }
        let mut settings = vec![
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", self.directory.display()),
            "max_connections=300".to_owned(),
            "logging_collector=off".to_owned(),
            "log_line_prefix=#%p ".to_owned(),
        ];
        if !self.measures {
            // Nothing of it has to survive.
            let fast = [
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
            ];
            settings.extend(fast.map(str::to_owned));
        }
        let mut server = self.as_server_user(&program("postgres")?);
        server.arg("-D").arg(&data);
        for setting in settings {
            server.args(["-c", &setting]);
        }
        self.server = Some(self.spawn(&mut server, "postgres")?);
        wait_until(START_LIMIT, || Self::is_ready(self.port))
            .with_context(|| format!("PostgreSQL did not start: {}", self.log("postgres")))
    }

    fn create_cluster(&self, data: &Path) -> Result<()> {
        capture(
            self.as_server_user(&program("initdb")?)
                .args([
                    "--auth=trust",
                    "--no-sync",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                ])
                .args(["--username", SUPERUSER, "--pgdata"])
                .arg(data),
        )
        .map(drop)
    }

    fn create_roles(&self) -> Result<()> {
        // A bare CREATE ROLE has no SUPERUSER and no BYPASSRLS, which is the point.
        for statement in [
            format!("CREATE ROLE {OWNER} LOGIN CREATEDB"),
            format!("CREATE ROLE {APPLICATION} LOGIN"),
            // A test's database is dropped with the application still connected to it.
            format!("GRANT pg_signal_backend TO {OWNER}"),
            format!("CREATE ROLE {WITNESS} LOGIN BYPASSRLS IN ROLE {OWNER}"),
            // It puts rows back without their foreign keys being asked.
            format!("GRANT SET ON PARAMETER session_replication_role TO {WITNESS}"),
        ] {
            capture(
                command(program("psql")?)
                    .arg("--host")
                    .arg(&self.directory)
                    .args(["--port", &self.port.to_string(), "--username", SUPERUSER])
                    .args([
                        "--no-psqlrc",
                        "--quiet",
                        "--dbname",
                        "postgres",
                        "--command",
                    ])
                    .arg(statement),
            )?;
        }
        Ok(())
    }

    fn start_pooler(&mut self) -> Result<()> {
        let users = self.write("users.txt", &format!("\"{APPLICATION}\" \"\"\n"))?;
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
             pool_mode = transaction\ndefault_pool_size = 4\nserver_idle_timeout = 5\n\
             max_client_conn = 1000\n",
            self.port,
            self.pooler_port,
            users.display(),
        );
        let file = self.write("pgbouncer.ini", &configuration)?;
        let mut pooler = self.as_server_user(Path::new(POOLER));
        pooler.arg("--quiet").arg(file);
        self.pooler = Some(self.spawn(&mut pooler, "pgbouncer")?);
        wait_until(START_LIMIT, || Self::is_ready(self.pooler_port))
            .with_context(|| format!("PgBouncer did not start: {}", self.log("pgbouncer")))
    }

    fn is_ready(port: u16) -> bool {
        program("pg_isready").is_ok_and(|program| {
            succeeds(
                command(program)
                    .args([
                        "--quiet",
                        "--host",
                        "127.0.0.1",
                        "--port",
                        &port.to_string(),
                    ])
                    .args(["--username", APPLICATION, "--dbname", "postgres"]),
            )
        })
    }

    /// `program` as the user that may run a server, ended with us.
    fn as_server_user(&self, program: &Path) -> Command {
        let mut wrapped = command("setpriv");
        wrapped.args(["--pdeathsig", "INT"]);
        if is_root() {
            wrapped.args(["--reuid", SUPERUSER, "--regid", SUPERUSER, "--init-groups"]);
        }
        wrapped.arg("--").arg(program).current_dir(&self.directory);
        wrapped
    }

    fn spawn(&self, command: &mut Command, name: &str) -> Result<Child> {
        let log = std::fs::File::create(self.directory.join(format!("{name}.log")))?;
        command.stdout(log.try_clone()?).stderr(log);
        command
            .spawn()
            .with_context(|| format!("{name} did not start"))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// How the servers are and how much room there is, for when tests failed: a server that ended fails all that
    /// come after.
    pub(crate) fn health(&mut self) -> String {
        let mut said = Vec::new();
        for (name, child) in [
            ("postgres", &mut self.server),
            ("pgbouncer", &mut self.pooler),
        ] {
            let state = match child.as_mut().map(Child::try_wait) {
                Some(Ok(None)) => "runs".to_owned(),
                Some(Ok(Some(status))) => format!("ended with {status}"),
                Some(Err(error)) => format!("cannot be asked: {error}"),
                None => "was not started".to_owned(),
            };
            said.push(format!("{name} {state}"));
        }
        let room = capture(
            command("df")
                .args(["-h", "--output=avail,target"])
                .args([self.directory.as_os_str(), root().as_os_str()]),
        );
        said.push(format!("room: {}", room.unwrap_or_default().trim()));
        for name in ["postgres", "pgbouncer"] {
            let log = self.log(name);
            let worst: Vec<&str> = log
                .lines()
                .filter(|line| {
                    ["PANIC", "terminated by", "No space", "too many"]
                        .iter()
                        .any(|sign| line.contains(sign))
                })
                .take(8)
                .collect();
            said.extend(worst.into_iter().map(str::to_owned));
            said.extend(
                log.lines()
                    .last()
                    .map(|line| format!("{name}'s last: {line}")),
            );
        }
        said.join("\n     ")
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.join(format!("{name}.log"))).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        for child in [&mut self.pooler, &mut self.server].into_iter().flatten() {
            // The server ends its own processes at an interrupt; killed, it would leave them behind.
            let asked = succeeds(command("kill").args(["-INT", &child.id().to_string()]));
            if !asked {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// `cargo xtask postgres -- COMMAND`: runs the command with the variables of the tests set.
pub(crate) fn with(words: &[String]) -> Result<()> {
    let [name, arguments @ ..] = words else {
        bail!("say which command is to run: cargo xtask postgres -- COMMAND ...");
    };
    let postgres = Postgres::start()?;
    let status = command(name)
        .args(arguments)
        .envs(postgres.variables())
        .status()
        .with_context(|| format!("`{name}` did not start"))?;
    if !status.success() {
        bail!("`{name}` failed with {status}");
    }
    Ok(())
}

/// Whether PostgreSQL's programs are there.
pub(crate) fn server_is_installed() -> bool {
    program("initdb").is_ok()
}

/// Whether PgBouncer is there.
pub(crate) fn pooler_is_installed() -> bool {
    Path::new(POOLER).exists()
}

/// A program of the newest server installed.
fn program(name: &str) -> Result<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).context("PostgreSQL is not installed")?;
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .context("PostgreSQL is not installed")?;
    let path = Path::new(VERSIONS).join(format!("{newest}/bin/{name}"));
    if !path.exists() {
        bail!("{} is missing", path.display());
    }
    Ok(path)
}

/// A directory of the server's user, under one that he can pass through.
fn scratch_directory(measures: bool) -> Result<PathBuf> {
    let mut make = command("mktemp");
    // What is measured lies on a disk, as in earnest.
    if let Some(memory) = memory().filter(|_| !measures) {
        make.env("TMPDIR", memory);
    }
    let directory = capture(make.args(["-d", "-t", "prosaas-postgres-XXXXXXXX"]))?;
    let directory = PathBuf::from(directory.trim());
    if is_root() {
        capture(
            command("chown")
                .arg(format!("{SUPERUSER}:"))
                .arg(&directory),
        )?;
    }
    Ok(directory)
}

/// A port that nobody listens on just now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}

/// Asks until it is so. Each question is a child process, which paces the asking.
fn wait_until(limit: Duration, mut so: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !so() {
        if began.elapsed() > limit {
            bail!("not within {} s", limit.as_secs());
        }
    }
    Ok(())
}
