//! Programs that a test starts, controls over standard input and output, and kills.

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

use crate::SeededRng;

/// The number of log lines that a failing test shows.
const SHOWN_LINES: usize = 60;

/// A running program. It is killed on drop; a failing test shows its last lines.
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

/// Returns the path of a program of the workspace, in the folder of the test's executable or the one above.
fn find(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let places = [this.parent(), this.parent().and_then(|folder| folder.parent())];
    let found = places.into_iter().flatten().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "program {name} not found near {}: run `cargo build --workspace --bins --all-features` or tests/run",
            this.display()
        )
    })
}

impl Program {
    /// Starts a program in the machine's temporary folder, with only the search path of this process's environment.
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

    /// Returns its process id.
    ///
    /// # Panics
    /// If it has ended.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Waits for the next unread line on either stream that matches.
    ///
    /// # Panics
    /// If there is none within the time.
    pub async fn wait_for_line(&mut self, within: Duration, matches: impl Fn(&str) -> bool) -> String {
        self.find_line(within, |line| matches(&line.text)).await
    }

    /// Waits for the next unread line on its standard output.
    ///
    /// # Panics
    /// If there is none within the time.
    pub async fn next_stdout_line(&mut self, within: Duration) -> String {
        self.find_line(within, |line| line.is_output).await
    }

    async fn find_line(&mut self, within: Duration, matches: impl Fn(&Line) -> bool) -> String {
        let log = Arc::clone(&self.log);
        let search = async {
            loop {
                let more = log.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                let found = {
                    let lines = log.lines();
                    let found = lines.iter().enumerate().skip(self.read).find(|(_, line)| matches(line));
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
            Err(_) => panic!("{} did not print the expected line within {within:?}", self.name),
        }
    }

    /// Writes a line to its standard input.
    pub async fn write_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// Kills it (SIGKILL) and waits until it has ended.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop (SIGTERM).
    pub async fn terminate(&self) {
        if let Some(id) = self.child.id() {
            let sent = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
            assert!(sent.unwrap().success(), "{} could not be sent SIGTERM", self.name);
        }
    }

    /// Returns `true` if it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it ends and returns its exit status.
    ///
    /// # Panics
    /// If it is still running after the time.
    pub async fn wait_for_exit(&mut self, within: Duration) -> ExitStatus {
        match timeout(&SystemClock::new(), within, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("{} still runs after {within:?}", self.name),
        }
    }

    /// Returns its standard output so far.
    pub fn stdout(&self) -> String {
        let lines = self.log.lines();
        lines.iter().filter(|line| line.is_output).map(|line| format!("{}\n", line.text)).collect()
    }

    /// Returns its standard output and error so far.
    pub fn log(&self) -> String {
        self.log.lines().iter().map(|line| format!("{}\n", line.text)).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.log.lines();
            eprintln!("--- the last lines of {} ---", self.name);
            lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)).for_each(|line| eprintln!("{}", line.text));
        }
    }
}

/// Returns a free loopback port for a program that is restarted on it. The port is below the system's range for outgoing
/// connections, which could otherwise take it while the program is down.
pub fn free_port() -> u16 {
    let mut rng = SeededRng::fixed(uuid::Uuid::new_v4().as_u64_pair().0);
    loop {
        let port = u16::try_from(rng.within(10_000..30_000)).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
