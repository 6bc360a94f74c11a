//! Programs that a test starts, talks to and kills.

use std::{
    fmt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sidecar_core::{SystemClock, time::timeout};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::Notify,
};

use crate::Chance;

/// How many of its last lines a program's log shows when the test fails.
const SHOWN: usize = 60;

/// A running program. It is killed when it is dropped; when the test fails, its last lines are shown.
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    log: Arc<Log>,
    read: usize,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<Line>>,
    more: Notify,
}

struct Line {
    is_output: bool,
    text: String,
}

impl Log {
    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(self: Arc<Self>, from: impl AsyncRead + Unpin, is_output: bool) {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(text)) = lines.next_line().await {
            self.lines().push(Line { is_output, text });
            self.more.notify_waiters();
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({}, {:?})", self.name, self.child.id())
    }
}

/// Where a program of the workspace is: beside the folder of the test's own executable.
fn find(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let places = [this.parent(), this.parent().and_then(|folder| folder.parent())];
    let found = places.into_iter().flatten().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "there is no program {name} beside {}: run `cargo build --workspace --bins --all-features` or tests/run",
            this.display()
        )
    })
}

impl Program {
    /// Starts it with nothing of this process's environment but the search path, in the machine's temporary folder.
    pub fn start<'a>(name: &str, arguments: &[&str], environment: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut command = Command::new(find(name));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "1")
            .envs(environment)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let log = Arc::new(Log::default());
        tokio::spawn(Arc::clone(&log).follow(child.stdout.take().unwrap(), true));
        tokio::spawn(Arc::clone(&log).follow(child.stderr.take().unwrap(), false));
        Self { name: name.to_owned(), stdin: child.stdin.take(), child, log, read: 0 }
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it has ended.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// The next line, on either stream and not looked at before, that `wanted` says yes to.
    ///
    /// # Panics
    /// When none comes within the time.
    pub async fn line(&mut self, within: Duration, wanted: impl Fn(&str) -> bool) -> String {
        self.find_line(within, |line| wanted(&line.text)).await
    }

    /// The next line on its standard output.
    ///
    /// # Panics
    /// When none comes within the time.
    pub async fn output(&mut self, within: Duration) -> String {
        self.find_line(within, |line| line.is_output).await
    }

    async fn find_line(&mut self, within: Duration, wanted: impl Fn(&Line) -> bool) -> String {
        let log = Arc::clone(&self.log);
        let search = async {
            loop {
                let more = log.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                let found = {
                    let lines = log.lines();
                    let found = lines.iter().enumerate().skip(self.read).find(|(_, line)| wanted(line));
                    found.map(|(at, line)| (at, line.text.clone()))
                };
                match found {
                    Some((at, text)) => {
                        self.read = at + 1;
                        return text;
                    }
                    None => more.await,
                }
            }
        };
        match timeout(&SystemClock::new(), within, search).await {
            Ok(line) => line,
            Err(_) => panic!("{} did not say it within {within:?}", self.name),
        }
    }

    /// Writes a line to its standard input.
    pub async fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop (SIGTERM).
    pub async fn terminate(&self) {
        if let Some(id) = self.child.id() {
            let asked = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
            assert!(asked.unwrap().success(), "{} could not be asked to stop", self.name);
        }
    }

    /// Whether it has ended, by itself or not.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// How it ended.
    ///
    /// # Panics
    /// When it is still running after the time.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        match timeout(&SystemClock::new(), within, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("{} still runs after {within:?}", self.name),
        }
    }

    /// All of its standard output so far.
    pub fn whole_output(&self) -> String {
        let lines = self.log.lines();
        lines.iter().filter(|line| line.is_output).map(|line| format!("{}\n", line.text)).collect()
    }

    /// Everything it said so far.
    pub fn log(&self) -> String {
        self.log.lines().iter().map(|line| format!("{}\n", line.text)).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.log.lines();
            eprintln!("--- the last lines of {} ---", self.name);
            lines.iter().skip(lines.len().saturating_sub(SHOWN)).for_each(|line| eprintln!("{}", line.text));
        }
    }
}

/// A loopback port that nobody listens on, for a program that is started again on the same one. It is below those that
/// the system gives to outgoing connections, which could take it while the program is down.
pub fn free_port() -> u16 {
    let mut chance = Chance::fixed(uuid::Uuid::new_v4().as_u64_pair().0);
    loop {
        let port = u16::try_from(chance.within(10_000..30_000)).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
