//! A private Redis.

use std::{
    io::ErrorKind,
    process::{Child, Command, Stdio},
    time::Duration,
};

use sidecar_core::{Clock, SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{TempFolder, free_port};

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A `redis-server` on a loopback port without persistence. It is killed on drop.
#[derive(Debug)]
pub struct PrivateRedis {
    port: u16,
    folder: TempFolder,
    child: Option<Child>,
}

impl PrivateRedis {
    /// Starts a server and waits until it responds.
    ///
    /// # Panics
    /// If `redis-server` is not installed or does not respond within 10 s.
    pub async fn start() -> Self {
        let mut redis = Self { port: free_port(), folder: TempFolder::new(), child: None };
        redis.restart().await;
        redis
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it (SIGKILL) and waits until it has ended.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port, empty, and waits until it responds.
    ///
    /// # Panics
    /// As [`PrivateRedis::start`].
    pub async fn restart(&mut self) {
        self.kill();
        self.child = Some(self.spawn());
        let clock = SystemClock::new();
        while !self.responds().await {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "redis-server on port {} exited: {ended:?}", self.port);
            assert!(clock.monotonic() < START_TIMEOUT, "redis-server does not respond within {START_TIMEOUT:?}");
            clock.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends an inline command, whose arguments contain no spaces, over a new connection and returns the raw reply.
    pub async fn command(&self, command: &str) -> String {
        self.try_command(command).await.unwrap()
    }

    /// Stops it with SIGSTOP: connections stay open without a reply.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Continues it with SIGCONT.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    fn spawn(&self) -> Child {
        let port = self.port.to_string();
        let spawned = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        spawned.unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => {
                panic!(
                    "redis-server is not installed: run tests/run, which installs it, or apt-get install redis-server"
                )
            }
            _ => panic!("redis-server does not start: {error}"),
        })
    }

    async fn responds(&self) -> bool {
        self.try_command("PING").await.is_ok_and(|reply| reply == "+PONG")
    }

    async fn try_command(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await?;
        Ok(reply.strip_suffix("+OK\r\n").unwrap_or(&reply).trim_end().to_owned())
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let done = tokio::process::Command::new("kill").args([signal, &id]).status().await;
        assert!(done.unwrap().success(), "redis-server could not be sent {signal}");
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
