use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, ScriptInvocation, aio::MultiplexedConnection};
use sidecar_core::time::{Clock, timeout};

use super::RedisUrlError;

/// Questions that may wait to be written at once.
const QUEUE: usize = 1_024;

/// One connection, made when it is needed and made anew when it broke.
pub(super) struct Link {
    client: Client,
    current: Mutex<Option<Line>>,
    /// The number of the next connection; whoever holds it makes it.
    making: tokio::sync::Mutex<u64>,
}

/// A connection that many ask over at once.
#[derive(Clone)]
pub(super) struct Line {
    /// Tells it from the ones before; from 1 on.
    pub(super) number: u64,
    connection: MultiplexedConnection,
}

/// Why Redis did not answer as it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection broke, or none can be made. Whether the question was heard is not known.
    Broken(RedisError),
    /// No answer in time.
    Late(Duration),
    /// Redis refused: it is a replica, out of memory, still loading, or holds something else under our key.
    Refused(RedisError),
    /// The answer is none that we know.
    Strange,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => write!(f, "it cannot be reached: {error}"),
            Self::Late(patience) => write!(f, "no answer within {patience:?}"),
            Self::Refused(error) => write!(f, "it refused: {error}"),
            Self::Strange => f.write_str("its answer makes no sense"),
        }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let broken = error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error();
        if broken { Self::Broken(error) } else { Self::Refused(error) }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn open(url: &str) -> Result<Self, RedisUrlError> {
        if url.starts_with("rediss:") || url.starts_with("valkeys:") {
            return Err(RedisUrlError::Tls);
        }
        let client = Client::open(url).map_err(|_| RedisUrlError::Unreadable)?;
        Ok(Self { client, current: Mutex::default(), making: tokio::sync::Mutex::new(1) })
    }

    /// The connection, made if there is none. Takes as long as it takes: give it a limit.
    pub(super) async fn line(&self) -> Result<Line, Failure> {
        if let Some(line) = self.current().clone() {
            return Ok(line);
        }
        let mut number = self.making.lock().await;
        if let Some(line) = self.current().clone() {
            return Ok(line);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        // Whatever goes wrong while it is made, there is no connection.
        let made = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let line = Line { number: *number, connection: made.map_err(Failure::Broken)? };
        *number += 1;
        *self.current() = Some(line.clone());
        Ok(line)
    }

    /// Forgets a connection and those before it; a newer one stays.
    pub(super) fn forget(&self, number: u64) {
        self.current().take_if(|line| line.number <= number);
    }

    /// Runs a script within the time, on a new connection once more if this one broke: it may have been closed while
    /// nobody used it. The script must bear being run twice.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        clock: &dyn Clock,
        patience: Duration,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Failure> {
        let twice = async {
            let line = self.line().await?;
            match self.ask(&line, script).await {
                Err(Failure::Broken(_)) => self.ask(&self.line().await?, script).await,
                answered => answered,
            }
        };
        timeout(clock, patience, twice).await.unwrap_or_else(|_| {
            // Nobody may be at the other end.
            self.forget(u64::MAX);
            Err(Failure::Late(patience))
        })
    }

    /// Runs a script on a connection, which is forgotten if it breaks.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        line: &Line,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Failure> {
        let answer = script.invoke_async(&mut line.connection.clone()).await.map_err(Failure::from);
        if let Err(Failure::Broken(_)) = &answer {
            self.forget(line.number);
        }
        answer
    }

    fn current(&self) -> MutexGuard<'_, Option<Line>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
