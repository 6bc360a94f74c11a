//! PostgreSQL for a test: a database of its own on the instance that `tests/run` started, or a whole instance to kill.

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

use crate::{Folder, free_port};

/// How long an instance may take to start, a recovery after a crash included.
const PATIENCE: Duration = Duration::from_secs(30);

/// An empty database on the shared instance, dropped with this value.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

/// Makes a database of the test's own.
///
/// # Panics
/// When the shared instance is not named in the environment or does not answer.
pub async fn fresh_database() -> Database {
    let server = std::env::var("SIDECAR_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!(
            "SIDECAR_TEST_POSTGRES_URL is not set: use `tests/run store` (or another lane), or keep `tests/run services` \
             running beside and export what it prints"
        )
    });
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    execute(&server, format!("CREATE DATABASE {name}")).await.unwrap();
    Database { server, name }
}

impl Database {
    /// The address, `postgres://…`.
    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }
}

impl Database {
    /// Writes what is in it now into a file, as an operator does: `pg_dump --format=custom`.
    pub async fn dump(&self, file: &Path) {
        let file = file.display().to_string();
        operate("pg_dump", &["--format=custom", "--no-owner", "--file", &file, &self.url()]).await;
    }

    /// Fills it, which is empty, from such a file: `pg_restore`.
    pub async fn restore(&self, file: &Path) {
        let file = file.display().to_string();
        operate("pg_restore", &["--exit-on-error", "--no-owner", "--dbname", &self.url(), &file]).await;
    }
}

/// Runs one of PostgreSQL's programs, of the same version as the server.
async fn operate(program: &str, arguments: &[&str]) {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", r#". "$0"; "$(postgres_bin)/$1" "${@:2}""#]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/support/services.sh")).arg(program).args(arguments);
    let output = tokio::process::Command::from(command).output().await.unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, statement) = (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // A runtime cannot wait within another one, hence the thread.
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

/// An instance of the test's own, to be restarted, killed and paused. It ends with this value.
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Option<Child>,
    port: u16,
    password: String,
    folder: Folder,
}

impl PrivatePostgres {
    /// A new instance that takes connections.
    pub async fn start() -> Self {
        let (folder, password) = (Folder::new(), uuid::Uuid::new_v4().simple().to_string());
        let made = service("postgres_create", &[&folder.file("postgres").display().to_string(), &password]).status();
        assert!(made.unwrap().success(), "no cluster could be made");
        let mut this = Self { server: None, port: free_port(), password, folder };
        this.start_again().await;
        this
    }

    /// The address of its database, the same after every start.
    pub fn url(&self) -> String {
        format!("postgres://sidecar:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// Makes a further database, whose tables are in a folder of yours; its address.
    pub async fn database_in(&self, folder: &Folder) -> String {
        let tables = folder.file("tables");
        fs::create_dir(&tables).unwrap();
        let owner = fs::metadata(self.folder.file("postgres")).unwrap();
        std::os::unix::fs::chown(&tables, Some(owner.uid()), Some(owner.gid())).unwrap();
        let place = format!("CREATE TABLESPACE apart LOCATION '{}'", tables.display());
        execute(&self.url(), place).await.unwrap();
        execute(&self.url(), "CREATE DATABASE apart TABLESPACE apart".to_owned()).await.unwrap();
        let url = self.url();
        format!("{}/apart", url.rsplit_once('/').unwrap().0)
    }

    /// As `pg_ctl restart -m immediate`: no checkpoint, every connection cut, recovery from the log.
    pub async fn restart_immediate(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// As `pg_ctl stop -m immediate`.
    pub async fn stop(&mut self) {
        self.signal("QUIT", &self.processes()[..1]);
        self.ended().await;
    }

    /// Kills all of its processes at once (SIGKILL).
    pub async fn kill(&mut self) {
        self.signal("KILL", &self.processes());
        self.ended().await;
    }

    /// Starts it anew and waits until it takes connections.
    ///
    /// # Panics
    /// When it already runs.
    pub async fn start_again(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        let clock = SystemClock::new();
        let end = clock.monotonic() + PATIENCE;
        self.server = Some(self.run());
        while PgConnection::connect(&self.url()).await.is_err() {
            assert!(clock.monotonic() < end, "PostgreSQL does not start:\n{}", self.log());
            // Just after a kill it may find its own dying processes and refuse to run beside them.
            if self.server.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.server = Some(self.run());
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops all of its processes where they are (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self) {
        // The first one is stopped before the others are looked up, so that no new one comes meanwhile.
        self.signal("STOP", &self.processes()[..1]);
        self.signal("STOP", &self.processes());
    }

    /// Lets them go on.
    pub fn resume(&self) {
        self.signal("CONT", &self.processes());
    }

    /// What it logged.
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

    async fn ended(&mut self) {
        self.server.take().unwrap().wait().await.unwrap();
    }

    /// Its main process and, behind it, that one's children.
    fn processes(&self) -> Vec<String> {
        let main = self.server.as_ref().and_then(Child::id).expect("it runs").to_string();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children")).unwrap();
        let mut all = vec![main];
        all.extend(children.split_whitespace().map(str::to_owned));
        all
    }

    fn signal(&self, signal: &str, processes: &[String]) {
        // A process of a connection may end by itself before it is reached.
        let asked = Command::new("kill").arg("-s").arg(signal).args(processes).stderr(Stdio::null()).status();
        assert!(asked.is_ok(), "there is no kill");
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what PostgreSQL said ---\n{}", self.log());
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

/// A function of services.sh, in a shell that it may become.
fn service(function: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", r#". "$0"; "$@""#]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/support/services.sh")).arg(function).args(arguments);
    command
}
