//! A token server that rotates refresh tokens, and the token managers that use it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use sidecar_core::{
    Clock, Error, ErrorKind, Result, SystemClock, Timestamp,
    secret::ExposeSecret,
    token::{CasResult, ConnectionState, MemoryStore, TokenKey, TokenManager, TokenProvider, TokenSet, TokenStore},
};

/// A token server. Each refresh token works once; a second use revokes the family.
#[derive(Debug)]
pub(crate) struct TokenServer {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) latency: Duration,
    pub(crate) state: Mutex<ServerState>,
}

#[derive(Debug, Default)]
pub(crate) struct ServerState {
    /// The number of the valid refresh token.
    pub(crate) current: u32,
    pub(crate) exchanges: u32,
    pub(crate) rejections: u32,
    pub(crate) revoked: bool,
    pub(crate) next_error: Option<Error>,
    pub(crate) panic: bool,
    /// The lifetime of issued tokens; one hour by default.
    pub(crate) token_lifetime: Option<Duration>,
}

pub(crate) fn token_set(number: u32, expires_at: Timestamp) -> TokenSet {
    TokenSet {
        refresh: Some(format!("refresh-{number}").into()),
        expires_at: Some(expires_at),
        ..TokenSet::new(format!("access-{number}"))
    }
}

#[async_trait]
impl TokenProvider for TokenServer {
    async fn refresh(&self, _: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let refresh = current.refresh.as_ref().unwrap().expose_secret().to_owned();
        let (number, lifetime) = {
            let mut state = self.state.lock().unwrap();
            if let Some(error) = state.next_error.take() {
                return Err(error);
            }
            if std::mem::take(&mut state.panic) {
                drop(state);
                panic!("out of bounds");
            }
            if state.revoked || refresh != format!("refresh-{}", state.current) {
                state.rejections += 1;
                state.revoked = true;
                return Err(Error::new(ErrorKind::Auth, "invalid_grant"));
            }
            state.exchanges += 1;
            state.current += 1;
            (state.current, state.token_lifetime.unwrap_or(Duration::from_secs(3600)))
        };
        self.clock.sleep(self.latency).await;
        Ok(token_set(number, self.clock.now() + lifetime))
    }
}

pub(crate) struct Harness {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: MemoryStore,
    pub(crate) server: Arc<TokenServer>,
    pub(crate) key: TokenKey,
}

impl Harness {
    /// Stores a connection whose token expires in `left` and starts a server with `latency`.
    pub(crate) async fn new(left: Duration, latency: Duration) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_secs(1_772_000_000)));
        let store = MemoryStore::with_clock(clock.clone());
        let key = TokenKey::new("org", "acme:1");
        let stored = store.swap(&key, 0, &token_set(0, clock.now() + left), &ConnectionState::Active).await.unwrap();
        assert!(matches!(stored, CasResult::Stored(1)));
        let server = Arc::new(TokenServer { clock: clock.clone(), latency, state: Mutex::default() });
        Self { clock, store, server, key }
    }

    /// Returns the token manager of one process.
    pub(crate) fn process(&self) -> TokenManager {
        self.process_on(Arc::new(self.store.clone()))
    }

    pub(crate) fn process_on(&self, store: Arc<dyn TokenStore>) -> TokenManager {
        TokenManager::new(store, Arc::new(self.store.clone()), self.server.clone(), self.clock.clone())
    }

    /// Returns the number of exchanges and of rejected refresh tokens.
    pub(crate) fn exchanges(&self) -> (u32, u32) {
        let state = self.server.state.lock().unwrap();
        (state.exchanges, state.rejections)
    }
}
