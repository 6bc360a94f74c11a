use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either, Shared, join_all},
};

use super::{AccessToken, Credentials, TokenKey, TokenProvider, TokenSet, TokenStore};
use crate::{
    error::{Error, ErrorKind, Result},
    lease::LeaseStore,
    secret,
    time::{Clock, timeout},
};

/// When tokens are refreshed, and how long callers wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenConfig {
    /// A token that expires within this time is refreshed in the background while it is still handed out. Every process adds up to
    /// a fifth, so that not all refresh at once.
    pub refresh_before: Duration,
    /// A token that expires within this time is not handed out any more.
    pub expiry_leeway: Duration,
    /// The TTL of the refresh lease: how soon another process may take over after a crash.
    pub lease_ttl: Duration,
    /// How long a caller waits for a new token.
    pub acquire_timeout: Duration,
    /// How long the request to the token endpoint may take.
    pub exchange_timeout: Duration,
}

impl Default for TokenConfig {
    /// Refreshed 5 minutes before expiry, not handed out in the last 30 s, leases of 3 s, callers wait 20 s, exchanges take 60 s at
    /// most.
    fn default() -> Self {
        Self {
            refresh_before: Duration::from_secs(300),
            expiry_leeway: Duration::from_secs(30),
            lease_ttl: Duration::from_secs(3),
            acquire_timeout: Duration::from_secs(20),
            exchange_timeout: Duration::from_secs(60),
        }
    }
}

/// How often a cached token in use is compared with the stored one: another process may have replaced or deleted it.
const STORE_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// A token that was refreshed after a rejection and is rejected again within this time is not refreshed once more.
const REJECTED_AGAIN_WINDOW: Duration = Duration::from_secs(60);
/// Hands out access tokens and refreshes them, one refresh at a time for each connection: in this process, and through a lease
/// across processes.
///
/// The refresh runs in a detached task, so that a cancelled caller cannot interrupt it, and the rotated token set is stored before
/// it is used. Cheap to clone.
#[derive(Clone)]
pub struct TokenManager(Arc<Manager>);

pub(super) struct Manager {
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) leases: Arc<dyn LeaseStore>,
    pub(super) provider: Arc<dyn TokenProvider>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: TokenConfig,
    pub(super) refresh_before: Duration,
    entries: Mutex<HashMap<TokenKey, Arc<CacheEntry>>>,
}

/// One connection in the cache of this process.
#[derive(Default)]
struct CacheEntry(Mutex<CacheState>);

#[derive(Default)]
struct CacheState {
    current: Option<CachedToken>,
    in_flight: Option<RefreshFuture>,
    /// The newest generation that the provider accepted.
    accepted: u64,
}

/// A token set in the cache.
#[derive(Clone)]
pub(super) struct CachedToken {
    pub(super) tokens: TokenSet,
    /// When it was last compared with the store, in monotonic time.
    pub(super) checked_at: Duration,
    /// Set when it replaced a token that the provider had rejected.
    pub(super) after_rejection: bool,
}

type RefreshFuture = Shared<BoxFuture<'static, Result<CachedToken>>>;

impl CacheEntry {
    fn lock(&self) -> MutexGuard<'_, CacheState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TokenManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenManager").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl TokenManager {
    /// Returns a manager with the default [`TokenConfig`].
    pub fn new(
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        provider: Arc<dyn TokenProvider>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::with_config(store, leases, provider, clock, TokenConfig::default())
    }

    /// Returns a manager with another configuration.
    pub fn with_config(
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        provider: Arc<dyn TokenProvider>,
        clock: Arc<dyn Clock>,
        config: TokenConfig,
    ) -> Self {
        let jitter = secret::random::<1>().map_or(0, |[byte]| u32::from(byte));
        let refresh_before = config.refresh_before + config.refresh_before / 5 * jitter / 255;
        Self(Arc::new(Manager { store, leases, provider, clock, config, refresh_before, entries: Mutex::default() }))
    }

    /// Returns the credentials of one connection, for calls.
    pub fn handle(&self, key: TokenKey) -> TokenHandle {
        TokenHandle { manager: self.clone(), key }
    }

    /// Returns a usable token set of the connection, newer than generation `rejected` when one is given.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when the connection has to be authorized (again), or when the provider rejects the token it has just
    /// issued; [`ErrorKind::Deadline`] when the refresh takes longer than [`TokenConfig::acquire_timeout`] (it continues in the
    /// background); otherwise the error of the token endpoint or the store.
    pub async fn tokens(&self, key: &TokenKey, rejected: Option<u64>) -> Result<TokenSet> {
        let deadline = self.0.clock.monotonic().saturating_add(self.0.config.acquire_timeout);
        loop {
            let in_flight = match self.cached_or_refresh(key, rejected)? {
                Either::Left(tokens) => return Ok(tokens),
                Either::Right(in_flight) => in_flight,
            };
            let left = deadline.saturating_sub(self.0.clock.monotonic());
            match timeout(&*self.0.clock, left, in_flight).await {
                // This refresh started before the caller's token was rejected: another one is needed.
                Ok(Ok(held)) if rejected.is_some_and(|rejected| held.tokens.generation <= rejected) => {}
                Ok(outcome) => return outcome.map(|held| held.tokens),
                Err(_) => {
                    let wait = self.0.config.acquire_timeout;
                    let why = format!(
                        "timed out after {wait:?} waiting for a token refresh of {key}; the refresh continues in the background"
                    );
                    return Err(Error::new(ErrorKind::Deadline, why));
                }
            }
        }
    }

    fn cached_or_refresh(&self, key: &TokenKey, rejected: Option<u64>) -> Result<Either<TokenSet, RefreshFuture>> {
        let (manager, entry) = (&self.0, self.entry(key));
        let mut state = entry.lock();
        let now = manager.clock.monotonic();
        match state.current.clone() {
            Some(held) if manager.is_usable(&held.tokens, rejected) => {
                let old = now.saturating_sub(held.checked_at) >= STORE_CHECK_INTERVAL;
                if old || manager.is_refresh_due(&held.tokens) {
                    drop(self.join_or_start(key, &entry, &mut state, None));
                }
                Ok(Either::Left(held.tokens))
            }
            Some(held)
                if held.after_rejection
                    && rejected == Some(held.tokens.generation)
                    && state.accepted < held.tokens.generation
                    && now.saturating_sub(held.checked_at) < REJECTED_AGAIN_WINDOW =>
            {
                let why =
                    format!("the provider rejects the token of {key} that it has just issued; not refreshing again");
                Err(Error::new(ErrorKind::Auth, why))
            }
            _ => Ok(Either::Right(self.join_or_start(key, &entry, &mut state, rejected))),
        }
    }

    fn accepted(&self, key: &TokenKey, generation: u64) {
        let entry = self.entry(key);
        let mut state = entry.lock();
        state.accepted = state.accepted.max(generation);
    }

    /// Drops the cached token of the connection, after it was authorized again or disconnected.
    pub fn invalidate(&self, key: &TokenKey) {
        self.entries().remove(key);
    }

    /// Waits until no refresh is in flight. Call it before the process exits: a refresh that is interrupted between the provider's
    /// response and the store loses the connection.
    pub async fn drain_refreshes(&self) {
        loop {
            let entries: Vec<_> = self.entries().values().cloned().collect();
            let refreshes: Vec<_> = entries.iter().filter_map(|entry| entry.lock().in_flight.clone()).collect();
            let under_way: Vec<_> = refreshes.into_iter().filter(|in_flight| in_flight.peek().is_none()).collect();
            if under_way.is_empty() {
                return;
            }
            join_all(under_way).await;
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<TokenKey, Arc<CacheEntry>>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, key: &TokenKey) -> Arc<CacheEntry> {
        Arc::clone(self.entries().entry(key.clone()).or_default())
    }

    /// Returns the refresh in flight, or starts one.
    fn join_or_start(
        &self,
        key: &TokenKey,
        entry: &Arc<CacheEntry>,
        state: &mut CacheState,
        rejected: Option<u64>,
    ) -> RefreshFuture {
        // A finished refresh is still here only if its task was aborted.
        if let Some(in_flight) = state.in_flight.as_ref().filter(|in_flight| in_flight.peek().is_none()) {
            return in_flight.clone();
        }
        let known = state.current.as_ref().map(|held| held.tokens.generation);
        let (manager, key, entry) = (Arc::clone(&self.0), key.clone(), Arc::clone(entry));
        let task = tokio::spawn(async move {
            let outcome = manager.obtain(&key, rejected, known).await;
            let mut state = entry.lock();
            state.in_flight = None;
            match &outcome {
                Ok(held) => state.current = Some(held.clone()),
                Err(error) if error.kind() == ErrorKind::Auth => state.current = None,
                // The store or the provider is out of reach: the cached token may still be valid.
                Err(_) => {}
            }
            outcome
        });
        let aborted = || Error::new(ErrorKind::Transport, "the token refresh was aborted");
        let in_flight = async move { task.await.unwrap_or_else(|_| Err(aborted())) }.boxed().shared();
        state.in_flight = Some(in_flight.clone());
        in_flight
    }
}

/// One connection's [`Credentials`]. Cheap to clone.
#[derive(Clone)]
pub struct TokenHandle {
    manager: TokenManager,
    key: TokenKey,
}

impl TokenHandle {
    /// Returns the key of the connection.
    pub fn key(&self) -> &TokenKey {
        &self.key
    }

    /// Returns a usable token set with its metadata.
    ///
    /// # Errors
    /// As [`TokenManager::tokens`].
    pub async fn tokens(&self) -> Result<TokenSet> {
        self.manager.tokens(&self.key, None).await
    }
}

impl fmt::Debug for TokenHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHandle({})", self.key)
    }
}

#[async_trait]
impl Credentials for TokenHandle {
    async fn access_token(&self, rejected: Option<u64>) -> Result<AccessToken> {
        let tokens = self.manager.tokens(&self.key, rejected).await?;
        Ok(AccessToken { token: tokens.access, generation: tokens.generation })
    }

    fn accepted(&self, generation: u64) {
        self.manager.accepted(&self.key, generation);
    }
}
