//! PostgreSQL for a test: a database on the instance that `tests/run` started, or a private instance.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use sidecar_core::{Clock, SystemClock};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::Child;

use crate::{TempFolder, free_port};

/// The time for an instance to start, including crash recovery.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A database on the shared instance, dropped with this value.
#[derive(Debug)]
pub struct PostgresDatabase {
    server: String,
    name: String,
}

/// Creates an empty database.
///
/// # Panics
/// If `SIDECAR_TEST_POSTGRES_URL` is not set or the instance does not respond.
pub async fn create_postgres_database() -> PostgresDatabase {
    let server = std::env::var("SIDECAR_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!(
            "SIDECAR_TEST_POSTGRES_URL is not set: use `tests/run store` (or another lane), or leave `tests/run services` \
             running and export what it prints"
        )
    });
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    execute(&server, format!("CREATE DATABASE {name}")).await.unwrap();
    PostgresDatabase { server, name }
}

impl PostgresDatabase {
    /// Returns its URL, `postgres://…`.
    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    /// Dumps it into a file with `pg_dump --format=custom`.
    pub async fn dump(&self, file: &Path) {
        let file = file.display().to_string();
        run_tool("pg_dump", &["--format=custom", "--no-owner", "--file", &file, &self.url()]).await;
    }

    /// Restores such a file into this empty database with `pg_restore`.
    pub async fn restore(&self, file: &Path) {
        let file = file.display().to_string();
        run_tool("pg_restore", &["--exit-on-error", "--no-owner", "--dbname", &self.url(), &file]).await;
    }
}

/// Runs one of PostgreSQL's programs, in the version of the server.
async fn run_tool(program: &str, arguments: &[&str]) {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", r#". "$0"; "$(postgres_bin)/$1" "${@:2}""#]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/support/services.sh")).arg(program).args(arguments);
    let output = tokio::process::Command::from(command).output().await.unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let (server, statement) = (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // A thread, because a runtime cannot block within another runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(&server, statement))
        });
        if !matches!(dropping.join(), Ok(Ok(()))) {
            eprintln!("the database {} was not dropped", self.name);
        }
    }
}

async fn execute(url: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}

/// A private instance that a test can restart, kill and pause. It ends with this value.
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Option<Child>,
    port: u16,
    password: String,
    folder: TempFolder,
}

impl PrivatePostgres {
    /// Creates an instance and waits until it accepts connections.
    pub async fn start() -> Self {
        let (folder, password) = (TempFolder::new(), uuid::Uuid::new_v4().simple().to_string());
        let created = service("postgres_create", &[&folder.file("postgres").display().to_string(), &password]).status();
        assert!(created.unwrap().success(), "initdb failed");
        let mut this = Self { server: None, port: free_port(), password, folder };
        this.start_server().await;
        this
    }

    /// Returns the URL of its database, the same after every start.
    pub fn url(&self) -> String {
        format!("postgres://sidecar:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// Creates a database whose tables are stored in `folder` and returns its URL.
    pub async fn database_in(&self, folder: &TempFolder) -> String {
        let tables = folder.file("tables");
        fs::create_dir(&tables).unwrap();
        let owner = fs::metadata(self.folder.file("postgres")).unwrap();
        std::os::unix::fs::chown(&tables, Some(owner.uid()), Some(owner.gid())).unwrap();
        let tablespace = format!("CREATE TABLESPACE apart LOCATION '{}'", tables.display());
        execute(&self.url(), tablespace).await.unwrap();
        execute(&self.url(), "CREATE DATABASE apart TABLESPACE apart".to_owned()).await.unwrap();
        let url = self.url();
        format!("{}/apart", url.rsplit_once('/').unwrap().0)
    }

    /// Restarts it as `pg_ctl restart -m immediate` does: without a checkpoint, cutting every connection.
    pub async fn restart_immediate(&mut self) {
        self.stop().await;
        self.start_server().await;
    }

    /// Stops it as `pg_ctl stop -m immediate` does.
    pub async fn stop(&mut self) {
        self.signal("QUIT", &self.processes()[..1]);
        self.wait_for_exit().await;
    }

    /// Kills all of its processes (SIGKILL).
    pub async fn kill(&mut self) {
        self.signal("KILL", &self.processes());
        self.wait_for_exit().await;
    }

    /// Starts it again and waits until it accepts connections.
    ///
    /// # Panics
    /// If it is running.
    pub async fn start_server(&mut self) {
        assert!(self.server.is_none(), "it is running");
        let clock = SystemClock::new();
        let end = clock.monotonic() + START_TIMEOUT;
        self.server = Some(self.run());
        while PgConnection::connect(&self.url()).await.is_err() {
            assert!(clock.monotonic() < end, "PostgreSQL does not start:\n{}", self.log());
            // It exits at once if processes that were killed before it have not ended yet.
            if self.server.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.server = Some(self.run());
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops all of its processes with SIGSTOP: connections stay open without a reply.
    pub fn pause(&self) {
        // The main process is stopped first, so that it starts no other one.
        self.signal("STOP", &self.processes()[..1]);
        self.signal("STOP", &self.processes());
    }

    /// Continues them with SIGCONT.
    pub fn resume(&self) {
        self.signal("CONT", &self.processes());
    }

    /// Returns its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.file("log")).unwrap_or_default()
    }

    fn run(&self) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.folder.file("log")).unwrap();
        let arguments = [self.folder.file("postgres").display().to_string(), self.port.to_string()];
        let mut command = service("postgres_run", &arguments.each_ref().map(String::as_str));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        tokio::process::Command::from(command).spawn().unwrap()
    }

    async fn wait_for_exit(&mut self) {
        self.server.take().unwrap().wait().await.unwrap();
    }

    /// Returns the ids of its main process and, after it, of the children.
    fn processes(&self) -> Vec<String> {
        let main = self.server.as_ref().and_then(Child::id).expect("it is running").to_string();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children")).unwrap();
        let mut all = vec![main];
        all.extend(children.split_whitespace().map(str::to_owned));
        all
    }

    fn signal(&self, signal: &str, processes: &[String]) {
        // A process that serves a connection may end before it is signalled.
        let sent = Command::new("kill").arg("-s").arg(signal).args(processes).stderr(Stdio::null()).status();
        assert!(sent.is_ok(), "kill is not installed");
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the log of PostgreSQL ---\n{}", self.log());
        }
        if self.server.as_ref().is_some_and(|server| server.id().is_some()) {
            self.resume();
            self.signal("QUIT", &self.processes()[..1]);
        }
        while self.server.as_mut().is_some_and(|server| matches!(server.try_wait(), Ok(None))) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Returns a command that runs a function of services.sh.
fn service(function: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", r#". "$0"; "$@""#]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/support/services.sh")).arg(function).args(arguments);
    command
}
