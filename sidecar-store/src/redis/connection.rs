use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, ScriptInvocation, aio::MultiplexedConnection};
use sidecar_core::time::{Clock, timeout};

use super::RedisUrlError;

/// Maximum number of commands that wait to be written.
const MAX_QUEUED_COMMANDS: usize = 1_024;

/// Opens a connection on demand and replaces it after it was lost.
pub(super) struct Connector {
    client: Client,
    current: Mutex<Option<Connection>>,
    /// The generation of the next connection. The lock holder opens it.
    next_generation: tokio::sync::Mutex<u64>,
}

/// A multiplexed connection.
#[derive(Clone)]
pub(super) struct Connection {
    /// Counts the connections of this connector, from 1.
    pub(super) generation: u64,
    multiplexed: MultiplexedConnection,
}

/// Why a script call failed.
#[derive(Debug)]
pub(super) enum RedisFailure {
    /// The connection was lost or cannot be opened. The script may have run.
    Disconnected(RedisError),
    /// Redis did not reply in time.
    Timeout(Duration),
    /// Redis returned an error: it is a replica, out of memory or loading, or a key has another type.
    Rejected(RedisError),
    /// The reply has an unexpected format.
    UnexpectedReply,
}

impl fmt::Display for RedisFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected(error) => write!(f, "cannot reach Redis: {error}"),
            Self::Timeout(limit) => write!(f, "no reply within {limit:?}"),
            Self::Rejected(error) => write!(f, "Redis rejected the command: {error}"),
            Self::UnexpectedReply => f.write_str("unexpected reply"),
        }
    }
}

impl From<RedisError> for RedisFailure {
    fn from(error: RedisError) -> Self {
        let disconnected = error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error();
        if disconnected { Self::Disconnected(error) } else { Self::Rejected(error) }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    pub(super) fn open(url: &str) -> Result<Self, RedisUrlError> {
        if url.starts_with("rediss:") || url.starts_with("valkeys:") {
            return Err(RedisUrlError::TlsUnsupported);
        }
        let client = Client::open(url).map_err(|_| RedisUrlError::Invalid)?;
        Ok(Self { client, current: Mutex::default(), next_generation: tokio::sync::Mutex::new(1) })
    }

    /// Returns the current connection, or opens one. Has no timeout: the caller must set one.
    pub(super) async fn connection(&self) -> Result<Connection, RedisFailure> {
        if let Some(connection) = self.current().clone() {
            return Ok(connection);
        }
        let mut generation = self.next_generation.lock().await;
        if let Some(connection) = self.current().clone() {
            return Ok(connection);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(MAX_QUEUED_COMMANDS);
        // Every error here means that there is no connection.
        let opened = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let connection =
            Connection { generation: *generation, multiplexed: opened.map_err(RedisFailure::Disconnected)? };
        *generation += 1;
        *self.current() = Some(connection.clone());
        Ok(connection)
    }

    /// Discards the current connection unless it is newer than `generation`.
    pub(super) fn discard(&self, generation: u64) {
        self.current().take_if(|connection| connection.generation <= generation);
    }

    /// Runs an idempotent script within `limit`. Retries once on a new connection, because an idle connection may have been
    /// closed.
    pub(super) async fn run_with_retry<T: FromRedisValue>(
        &self,
        clock: &dyn Clock,
        limit: Duration,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisFailure> {
        let retried = async {
            let connection = self.connection().await?;
            match self.run_on(&connection, script).await {
                Err(RedisFailure::Disconnected(_)) => self.run_on(&self.connection().await?, script).await,
                result => result,
            }
        };
        timeout(clock, limit, retried).await.unwrap_or_else(|_| {
            // The server may be gone.
            self.discard(u64::MAX);
            Err(RedisFailure::Timeout(limit))
        })
    }

    /// Runs a script on a connection and discards the connection if it is lost.
    pub(super) async fn run_on<T: FromRedisValue>(
        &self,
        connection: &Connection,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisFailure> {
        let reply = script.invoke_async(&mut connection.multiplexed.clone()).await.map_err(RedisFailure::from);
        if let Err(RedisFailure::Disconnected(_)) = &reply {
            self.discard(connection.generation);
        }
        reply
    }

    fn current(&self) -> MutexGuard<'_, Option<Connection>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
