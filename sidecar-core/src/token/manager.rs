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

use super::{
    AccessToken, CasResult, Connection, ConnectionState, Credentials, TokenKey, TokenProvider, TokenSet, TokenStore,
    not_connected,
};
use crate::{
    error::{Error, ErrorKind, Result, SendState, StoreError},
    lease::{Lease, LeaseStore},
    secret,
    time::{Clock, Elapsed, timeout},
};

/// When tokens are renewed and how long anybody waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenConfig {
    /// A token that ends within this time is renewed while it is still handed out; every process adds up to a fifth,
    /// so that not all begin at once.
    pub refresh_before: Duration,
    /// A token that ends within this time is not handed out any more.
    pub expiry_leeway: Duration,
    /// How long a lease lives without being renewed: how soon another process may go on after a crash.
    pub lease_ttl: Duration,
    /// How long a caller waits for a new token.
    pub acquire_timeout: Duration,
    /// How long an exchange may take before its task gives up.
    pub exchange_timeout: Duration,
}

impl Default for TokenConfig {
    /// Renewed 5 minutes early, not handed out in the last 30 s, leases of 3 s, callers wait 20 s, exchanges take 60 s at most.
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

/// How often a process looks whether another has finished its exchange.
const POLL: Duration = Duration::from_millis(25);
/// The longest pause between two such looks.
const LONGEST_POLL: Duration = Duration::from_millis(250);
/// A set in hand is compared with the stored one this often while it is used: it may have been replaced or forgotten by
/// another process.
const RECHECK: Duration = Duration::from_secs(5);
/// A set that was bought after a refusal and is refused again within this time is not replaced by yet another.
const REFUSED_AGAIN: Duration = Duration::from_secs(60);
/// The longest pause between two attempts to store a set that the provider has already rotated to.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// How long a rotated set is tried to be stored: far beyond any database restart.
const STORE_PATIENCE: Duration = Duration::from_secs(3600);

/// Hands out access tokens and renews them: once at a time in this process and, through the lease, across processes.
///
/// The exchange runs in a task of its own, so that a caller who gives up cannot stop it half way; what the provider
/// rotated to is stored before anybody uses it. Cheap to clone.
#[derive(Clone)]
pub struct TokenManager(Arc<Manager>);

struct Manager {
    store: Arc<dyn TokenStore>,
    leases: Arc<dyn LeaseStore>,
    exchange: Arc<dyn TokenProvider>,
    clock: Arc<dyn Clock>,
    config: TokenConfig,
    early: Duration,
    slots: Mutex<HashMap<TokenKey, Arc<Slot>>>,
}

/// What a process knows of one connection.
#[derive(Default)]
struct Slot(Mutex<SlotState>);

#[derive(Default)]
struct SlotState {
    current: Option<Held>,
    flight: Option<Flight>,
    /// The newest generation that the provider took.
    accepted: u64,
}

/// A set in hand.
#[derive(Clone)]
struct Held {
    tokens: TokenSet,
    /// When it was last found in the store, in monotonic time.
    seen_at: Duration,
    /// It was bought because the provider had refused its predecessor.
    after_refusal: bool,
}

type Flight = Shared<BoxFuture<'static, Result<Held>>>;

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TokenManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenManager").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl TokenManager {
    /// A manager with the usual [`TokenConfig`].
    pub fn new(
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        exchange: Arc<dyn TokenProvider>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::with_config(store, leases, exchange, clock, TokenConfig::default())
    }

    /// A manager with times of your own.
    pub fn with_config(
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        exchange: Arc<dyn TokenProvider>,
        clock: Arc<dyn Clock>,
        config: TokenConfig,
    ) -> Self {
        let jitter = secret::random::<1>().map_or(0, |[byte]| u32::from(byte));
        let early = config.refresh_before + config.refresh_before / 5 * jitter / 255;
        Self(Arc::new(Manager { store, leases, exchange, clock, config, early, slots: Mutex::default() }))
    }

    /// The credentials of one connection, to be given to calls.
    pub fn handle(&self, key: TokenKey) -> TokenHandle {
        TokenHandle { manager: self.clone(), key }
    }

    /// A usable set of the connection, newer than generation `refused` if one is named.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when somebody has to connect (again), or when the provider refuses the token it has just given;
    /// [`ErrorKind::Deadline`] when the renewal takes longer than [`TokenConfig::acquire_timeout`] (it goes on); otherwise what the
    /// exchange or the store failed with.
    pub async fn tokens(&self, key: &TokenKey, refused: Option<u64>) -> Result<TokenSet> {
        let ends = self.0.clock.monotonic().saturating_add(self.0.config.acquire_timeout);
        loop {
            let flight = match self.in_hand_or_flight(key, refused)? {
                Either::Left(tokens) => return Ok(tokens),
                Either::Right(flight) => flight,
            };
            let left = ends.saturating_sub(self.0.clock.monotonic());
            match timeout(&*self.0.clock, left, flight).await {
                // The flight had begun before this caller's token was refused: another one is needed.
                Ok(Ok(held)) if refused.is_some_and(|refused| held.tokens.generation <= refused) => {}
                Ok(outcome) => return outcome.map(|held| held.tokens),
                Err(_) => {
                    let wait = self.0.config.acquire_timeout;
                    let why = format!("the renewal of {key} takes longer than {wait:?}; it goes on");
                    return Err(Error::new(ErrorKind::Deadline, why));
                }
            }
        }
    }

    fn in_hand_or_flight(&self, key: &TokenKey, refused: Option<u64>) -> Result<Either<TokenSet, Flight>> {
        let (manager, slot) = (&self.0, self.slot(key));
        let mut state = slot.lock();
        let now = manager.clock.monotonic();
        match state.current.clone() {
            Some(held) if manager.usable(&held.tokens, refused) => {
                let old = now.saturating_sub(held.seen_at) >= RECHECK;
                if old || manager.ends_soon(&held.tokens) {
                    drop(self.fly(key, &slot, &mut state, None));
                }
                Ok(Either::Left(held.tokens))
            }
            Some(held)
                if held.after_refusal
                    && refused == Some(held.tokens.generation)
                    && state.accepted < held.tokens.generation
                    && now.saturating_sub(held.seen_at) < REFUSED_AGAIN =>
            {
                let why =
                    format!("the provider refuses the token of {key} that it has just given; another would not help");
                Err(Error::new(ErrorKind::Auth, why))
            }
            _ => Ok(Either::Right(self.fly(key, &slot, &mut state, refused))),
        }
    }

    fn accepted(&self, key: &TokenKey, generation: u64) {
        let slot = self.slot(key);
        let mut state = slot.lock();
        state.accepted = state.accepted.max(generation);
    }

    /// Forgets what this process knows of the connection, after it was connected anew or disconnected.
    pub fn invalidate(&self, key: &TokenKey) {
        self.slots().remove(key);
    }

    /// Waits until no renewal is under way. Call it before a process ends: a renewal that is cut off between the provider's
    /// answer and the store loses the connection.
    pub async fn drain_refreshes(&self) {
        loop {
            let slots: Vec<_> = self.slots().values().cloned().collect();
            let flights: Vec<_> = slots.iter().filter_map(|slot| slot.lock().flight.clone()).collect();
            let under_way: Vec<_> = flights.into_iter().filter(|flight| flight.peek().is_none()).collect();
            if under_way.is_empty() {
                return;
            }
            join_all(under_way).await;
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<TokenKey, Arc<Slot>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &TokenKey) -> Arc<Slot> {
        Arc::clone(self.slots().entry(key.clone()).or_default())
    }

    /// The flight under way, or a new one.
    fn fly(&self, key: &TokenKey, slot: &Arc<Slot>, state: &mut SlotState, refused: Option<u64>) -> Flight {
        // One that has landed is still there only if its task was cut off.
        if let Some(flight) = state.flight.as_ref().filter(|flight| flight.peek().is_none()) {
            return flight.clone();
        }
        let known = state.current.as_ref().map(|held| held.tokens.generation);
        let (manager, key, slot) = (Arc::clone(&self.0), key.clone(), Arc::clone(slot));
        let task = tokio::spawn(async move {
            let outcome = manager.obtain(&key, refused, known).await;
            let mut state = slot.lock();
            state.flight = None;
            match &outcome {
                Ok(held) => state.current = Some(held.clone()),
                Err(error) if error.kind() == ErrorKind::Auth => state.current = None,
                // The store or the provider is out of reach: what is in hand may still be good.
                Err(_) => {}
            }
            outcome
        });
        let cut_off = || Error::new(ErrorKind::Transport, "the renewal was cut off before it ended");
        let flight = async move { task.await.unwrap_or_else(|_| Err(cut_off())) }.boxed().shared();
        state.flight = Some(flight.clone());
        flight
    }
}

/// One connection's [`Credentials`]. Cheap to clone.
#[derive(Clone)]
pub struct TokenHandle {
    manager: TokenManager,
    key: TokenKey,
}

impl TokenHandle {
    /// Which connection.
    pub fn key(&self) -> &TokenKey {
        &self.key
    }

    /// A usable set, with what came with it.
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
    async fn access_token(&self, refused: Option<u64>) -> Result<AccessToken> {
        let tokens = self.manager.tokens(&self.key, refused).await?;
        Ok(AccessToken { token: tokens.access, generation: tokens.generation })
    }

    fn accepted(&self, generation: u64) {
        self.manager.accepted(&self.key, generation);
    }
}

impl Manager {
    fn ends_within(&self, tokens: &TokenSet, time: Duration) -> bool {
        tokens.expires_at.is_some_and(|end| end <= self.clock.now() + time)
    }

    /// At most a part of the set's whole life, so that short-lived tokens are not renewed without end.
    fn at_most(tokens: &TokenSet, time: Duration, part: u32) -> Duration {
        match (tokens.expires_at, tokens.issued_at()) {
            (Some(end), Some(issued)) => time.min(end.since(issued) / part),
            _ => time,
        }
    }

    fn usable(&self, tokens: &TokenSet, refused: Option<u64>) -> bool {
        refused.is_none_or(|generation| tokens.generation > generation)
            && !self.ends_within(tokens, Self::at_most(tokens, self.config.expiry_leeway, 8))
    }

    /// It is time to renew it, though it may still be used.
    fn ends_soon(&self, tokens: &TokenSet) -> bool {
        self.ends_within(tokens, Self::at_most(tokens, self.early, 4))
    }

    fn hold(&self, tokens: TokenSet, after_refusal: bool) -> Held {
        Held { tokens, seen_at: self.clock.monotonic(), after_refusal }
    }

    /// What needs no exchange: a set that lasts, or one that this process did not know (a restarted process does not wait
    /// for a slow endpoint; its next call renews in the background).
    fn suffices(&self, tokens: &TokenSet, refused: Option<u64>, known: Option<u64>) -> bool {
        self.usable(tokens, refused) && (known != Some(tokens.generation) || !self.ends_soon(tokens))
    }

    /// The stored set if it suffices, else a renewed one. Waits for its turn.
    async fn obtain(&self, key: &TokenKey, refused: Option<u64>, known: Option<u64>) -> Result<Held> {
        let holder = uuid::Uuid::new_v4().to_string();
        let name = format!("token:{key}");
        let gives_up = self.clock.monotonic().saturating_add(self.config.exchange_timeout);
        let mut pause = POLL;
        loop {
            match self.find(key).await? {
                Some(connection) if self.suffices(&connection.tokens, refused, known) => {
                    return Ok(self.hold(connection.tokens, false));
                }
                None if !self.exchange.can_issue() => return Err(not_connected(key)),
                _ => {}
            }
            if let Some(lease) = self.leases.try_acquire(&name, &holder, self.config.lease_ttl).await? {
                let outcome = self.under_lease(key, refused, known, &lease).await;
                if let Err(error) = self.leases.release(&lease).await {
                    tracing::warn!(%key, %error, "the lease was not handed back; it runs out by itself");
                }
                if let Some(outcome) = outcome.transpose() {
                    return outcome;
                }
            }
            if self.clock.monotonic() >= gives_up {
                let why = format!("another process has been renewing {key} for too long");
                return Err(Error::new(ErrorKind::Deadline, why));
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_POLL);
        }
    }

    /// The connection, if there is one; an error if it can no longer be used.
    async fn find(&self, key: &TokenKey) -> Result<Option<Connection>> {
        let Some(connection) = self.store.load(key).await? else { return Ok(None) };
        match &connection.state {
            ConnectionState::Active => Ok(Some(connection)),
            ConnectionState::NeedsReauth { reason, since } => {
                let why = format!("{key} has to be connected again, since {since}: {reason}");
                Err(Error::new(ErrorKind::Auth, why))
            }
        }
    }

    /// Renews under the lease; `None` when the lease or the swap was lost and the store has to be looked at again.
    async fn under_lease(
        &self,
        key: &TokenKey,
        refused: Option<u64>,
        known: Option<u64>,
        lease: &Lease,
    ) -> Result<Option<Held>> {
        let current = self.find(key).await?.map(|connection| connection.tokens);
        if let Some(current) = current.clone().filter(|current| self.suffices(current, refused, known)) {
            return Ok(Some(self.hold(current, false)));
        }
        // The look may have taken longer than the lease: a refresh token must not leave without it.
        if !self.leases.renew(lease, self.config.lease_ttl).await? {
            return Ok(None);
        }
        let Some(current) = current else {
            let first = self.bought(lease, self.exchange.issue(key)).await?;
            let stored = self.while_renewing(lease, self.store_rotated(key, 0, first)).await?;
            return Ok(stored.map(|tokens| self.hold(tokens, false)));
        };
        match self.bought(lease, self.exchange.refresh(key, &current)).await {
            Ok(next) => {
                let stored = self.while_renewing(lease, self.store_rotated(key, current.generation, next)).await?;
                Ok(stored.map(|tokens| self.hold(tokens, refused.is_some())))
            }
            Err(error) if error.kind() == ErrorKind::Auth => {
                self.second_look(key, &current, refused, error).await.map(|tokens| Some(self.hold(tokens, false)))
            }
            // Renewing early is a courtesy: while the old token is good, a failing endpoint fails nobody.
            Err(error) if self.usable(&current, refused) => {
                tracing::warn!(%key, %error, "the token could not be renewed early; it is still good");
                Ok(Some(self.hold(current, false)))
            }
            Err(error) => Err(error),
        }
    }

    /// What the provider sells, with the lease kept alive until then.
    async fn bought(&self, lease: &Lease, exchange: impl Future<Output = Result<TokenSet>>) -> Result<TokenSet> {
        let exchange = timeout(&*self.clock, self.config.exchange_timeout, exchange);
        self.while_renewing(lease, exchange).await.unwrap_or_else(|Elapsed(limit)| {
            let why = format!("the token endpoint did not answer within {limit:?}");
            Err(Error::new(ErrorKind::Deadline, why).with_send_state(SendState::Unknown))
        })
    }

    /// Runs `work` and keeps the lease alive beside it.
    async fn while_renewing<T>(&self, lease: &Lease, work: impl Future<Output = T>) -> T {
        let keep_alive = async {
            loop {
                self.clock.sleep(self.config.lease_ttl / 3).await;
                match self.leases.renew(lease, self.config.lease_ttl).await {
                    Ok(true) => {}
                    // What was sent cannot be taken back; the swap's generation decides who wins.
                    Ok(false) => tracing::warn!(key = %lease.key, "the lease was lost while an exchange was under way"),
                    Err(error) => tracing::warn!(key = %lease.key, %error, "the lease could not be prolonged"),
                }
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            never = keep_alive => never,
        }
    }

    /// Stores what the provider rotated to, for as long as it takes: the old refresh token is worth nothing any more.
    /// `None` when somebody else has replaced the set meanwhile.
    async fn store_rotated(&self, key: &TokenKey, expected: u64, mut next: TokenSet) -> Result<Option<TokenSet>> {
        next.set_issued_at(self.clock.now());
        let gives_up = self.clock.monotonic().saturating_add(STORE_PATIENCE);
        let mut pause = POLL;
        loop {
            match self.store.swap(key, expected, &next).await {
                Ok(CasResult::Stored(generation)) => {
                    next.generation = generation;
                    return Ok(Some(next));
                }
                Ok(CasResult::Conflict(Some(_))) => return Ok(None),
                Ok(CasResult::Conflict(None)) => {
                    return Err(Error::new(
                        ErrorKind::Auth,
                        format!("{key} was disconnected while its token was renewed"),
                    ));
                }
                Err(error) if error.is_retryable() && self.clock.monotonic() < gives_up => {
                    tracing::error!(%key, %error, "a rotated token is not stored yet; trying again");
                    self.clock.sleep(pause).await;
                    pause = (pause * 2).min(STORE_RETRY);
                }
                Err(error) => return Err(not_stored(key, error)),
            }
        }
    }

    /// The provider refused. If somebody rotated meanwhile, theirs is the set; otherwise the connection is dead, and said so.
    async fn second_look(
        &self,
        key: &TokenKey,
        tried: &TokenSet,
        refused: Option<u64>,
        error: Error,
    ) -> Result<TokenSet> {
        let now = self.find(key).await?.ok_or_else(|| not_connected(key))?.tokens;
        if now.generation > tried.generation {
            return if self.usable(&now, refused) { Ok(now) } else { Err(error) };
        }
        let state = ConnectionState::NeedsReauth { reason: error.message().to_owned(), since: self.clock.now() };
        tracing::error!(%key, %error, "the connection has to be made again: the provider refused its refresh token");
        if let Err(failed) = self.store.set_state(key, tried.generation, &state).await {
            tracing::error!(%key, error = %failed, "that could not be written down; the next call will find it out again");
        }
        Err(error)
    }
}

fn not_stored(key: &TokenKey, error: StoreError) -> Error {
    tracing::error!(%key, %error, "a rotated token could not be stored: the connection is lost with this process");
    error.into()
}
