//! A Redis of the test's own.

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

use crate::{Folder, free_port};

const PATIENCE: Duration = Duration::from_secs(10);

/// A `redis-server` on a loopback port that keeps nothing. It is killed when it is dropped.
#[derive(Debug)]
pub struct PrivateRedis {
    port: u16,
    folder: Folder,
    child: Option<Child>,
}

impl PrivateRedis {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When there is no `redis-server` on this machine, or it does not answer within 10 s.
    pub async fn start() -> Self {
        let mut redis = Self { port: free_port(), folder: Folder::new(), child: None };
        redis.start_again().await;
        redis
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that has ended by itself cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it on the same port, empty, and waits until it answers.
    ///
    /// # Panics
    /// As [`PrivateRedis::start`].
    pub async fn start_again(&mut self) {
        self.kill();
        self.child = Some(self.spawn());
        let clock = SystemClock::new();
        while !self.answers().await {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "redis-server on port {} ended at once: {ended:?}", self.port);
            assert!(clock.monotonic() < PATIENCE, "redis-server does not answer within {PATIENCE:?}");
            clock.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends it a command over a connection of its own, as text without spaces in its parts, and gives the answer's text.
    pub async fn command(&self, command: &str) -> String {
        self.try_command(command).await.unwrap()
    }

    /// Stops it without ending it: connections stay open, and nothing answers.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Lets it go on.
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
                panic!("there is no redis-server: run tests/run, which installs it, or apt-get install redis-server")
            }
            _ => panic!("redis-server does not start: {error}"),
        })
    }

    async fn answers(&self) -> bool {
        self.try_command("PING").await.is_ok_and(|answer| answer == "+PONG")
    }

    async fn try_command(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.strip_suffix("+OK\r\n").unwrap_or(&answer).trim_end().to_owned())
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let done = tokio::process::Command::new("kill").args([signal, &id]).status().await;
        assert!(done.unwrap().success(), "redis-server took no {signal}");
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
