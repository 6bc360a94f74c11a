//! The token manager against a token server whose refresh tokens are good for one use and whose families die on reuse.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use sidecar_core::{
    Clock, Error, ErrorKind, OrganizationId, Result, SendState, StoreError, SystemClock, Timestamp,
    lease::{Lease, LeaseStore},
    secret::ExposeSecret,
    token::{
        CasResult, Connection, ConnectionState, Credentials, MemoryStore, TokenConfig, TokenKey, TokenManager,
        TokenProvider, TokenSet, TokenStore,
    },
};

/// A token server: each refresh token works once; a second use kills the family.
#[derive(Debug)]
struct TokenServer {
    clock: Arc<dyn Clock>,
    takes: Duration,
    state: Mutex<Server>,
}

#[derive(Debug, Default)]
struct Server {
    good: u32,
    exchanges: u32,
    refusals: u32,
    dead: bool,
    fail: Option<Error>,
    panic: bool,
    /// How long its tokens live; an hour if it is not said.
    life: Option<Duration>,
}

fn set(number: u32, expires_at: Timestamp) -> TokenSet {
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
        let (number, life) = {
            let mut state = self.state.lock().unwrap();
            if let Some(error) = state.fail.take() {
                return Err(error);
            }
            if std::mem::take(&mut state.panic) {
                drop(state);
                panic!("out of bounds");
            }
            if state.dead || refresh != format!("refresh-{}", state.good) {
                state.refusals += 1;
                state.dead = true;
                return Err(Error::new(ErrorKind::Auth, "invalid_grant"));
            }
            state.exchanges += 1;
            state.good += 1;
            (state.good, state.life.unwrap_or(Duration::from_secs(3600)))
        };
        self.clock.sleep(self.takes).await;
        Ok(set(number, self.clock.now() + life))
    }
}

struct World {
    clock: Arc<dyn Clock>,
    store: MemoryStore,
    server: Arc<TokenServer>,
    key: TokenKey,
}

impl World {
    /// A connection whose token ends in `left`, and a server that takes `takes` for an exchange.
    async fn new(left: Duration, takes: Duration) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_secs(1_772_000_000)));
        let store = MemoryStore::with_clock(clock.clone());
        let key = TokenKey::new("org", "acme:1");
        let stored = store.swap(&key, 0, &set(0, clock.now() + left), &ConnectionState::Active).await.unwrap();
        assert!(matches!(stored, CasResult::Stored(1)));
        let server = Arc::new(TokenServer { clock: clock.clone(), takes, state: Mutex::default() });
        Self { clock, store, server, key }
    }

    /// What one process has.
    fn process(&self) -> TokenManager {
        self.process_on(Arc::new(self.store.clone()))
    }

    fn process_on(&self, store: Arc<dyn TokenStore>) -> TokenManager {
        TokenManager::new(store, Arc::new(self.store.clone()), self.server.clone(), self.clock.clone())
    }

    fn exchanges(&self) -> (u32, u32) {
        let state = self.server.state.lock().unwrap();
        (state.exchanges, state.refusals)
    }
}

#[tokio::test(start_paused = true)]
async fn callers_in_several_processes_renew_once() {
    let world = World::new(Duration::ZERO, Duration::from_millis(200)).await;
    let processes = [world.process(), world.process(), world.process()];
    let callers = (0..90).map(|n| {
        let handle = processes[n % 3].handle(world.key.clone());
        tokio::spawn(async move { handle.access_token(None).await.unwrap().generation })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap(), 2);
    }
    assert_eq!(world.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_exchange_slower_than_the_lease_is_still_made_once() {
    let world = World::new(Duration::ZERO, TokenConfig::default().lease_ttl * 3).await;
    let (first, second) = (world.process(), world.process());
    let (first, second) = tokio::join!(first.tokens(&world.key, None), second.tokens(&world.key, None));
    assert_eq!((first.unwrap().generation, second.unwrap().generation), (2, 2));
    assert_eq!(world.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_stop_the_exchange() {
    let world = World::new(Duration::ZERO, Duration::from_secs(1)).await;
    let manager = world.process();
    let caller = manager.tokens(&world.key, None);
    sidecar_core::time::timeout(&*world.clock, Duration::from_millis(10), caller).await.unwrap_err();
    world.clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(world.store.load(&world.key).await.unwrap().unwrap().tokens.generation, 2);
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 2);
    assert_eq!(world.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_for_all_who_saw_it() {
    let world = World::new(Duration::from_secs(7200), Duration::from_millis(50)).await;
    let (a, b) = (world.process(), world.process());
    let seen = a.tokens(&world.key, None).await.unwrap().generation;
    let (x, y, z) = tokio::join!(
        a.tokens(&world.key, Some(seen)),
        a.tokens(&world.key, Some(seen)),
        b.tokens(&world.key, Some(seen))
    );
    assert_eq!([x, y, z].map(|t| t.unwrap().generation), [2, 2, 2]);
    assert_eq!(world.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_token_near_its_end_is_renewed_while_it_is_still_handed_out() {
    let world = World::new(Duration::from_secs(120), Duration::from_secs(5)).await;
    let manager = world.process();
    // A process that has just started takes what is stored, and its next call begins the renewal.
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 1);
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 1);
    world.clock.sleep(Duration::from_secs(6)).await;
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 2);
    world.clock.sleep(Duration::from_secs(3600 - 120)).await;
    let before = world.clock.monotonic();
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 2);
    assert_eq!(world.clock.monotonic(), before, "nobody waited");
    world.clock.sleep(Duration::from_secs(6)).await;
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 3);
    assert_eq!(world.exchanges(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_fails_nobody_while_the_token_is_good() {
    let world = World::new(Duration::from_secs(120), Duration::ZERO).await;
    world.server.state.lock().unwrap().fail = Some(Error::new(ErrorKind::Server, "503"));
    assert_eq!(world.process().tokens(&world.key, None).await.unwrap().generation, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_marks_the_connection_and_is_not_repeated() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    // A crash lost the rotated token: the stored one is used up.
    world.server.state.lock().unwrap().good = 5;
    for _ in 0..3 {
        let error = world.process().tokens(&world.key, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    }
    assert_eq!(world.exchanges(), (0, 1), "the refused token is presented once");
    let state = world.store.load(&world.key).await.unwrap().unwrap().state;
    assert!(matches!(state, ConnectionState::NeedsReauth { reason, .. } if reason == "invalid_grant"));

    let reconnected = world
        .store
        .swap(&world.key, 1, &set(5, world.clock.now() + Duration::from_secs(7200)), &ConnectionState::Active)
        .await;
    assert!(matches!(reconnected, Ok(CasResult::Stored(2))));
    assert_eq!(world.process().tokens(&world.key, None).await.unwrap().generation, 2);
}

/// A store that is out of reach at times, or slow.
#[derive(Debug)]
struct Flaky {
    store: MemoryStore,
    clock: Arc<dyn Clock>,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    /// It takes nothing this often.
    failing_swaps: u32,
    /// It gives nothing.
    gone: bool,
    loads: u32,
    /// The load of this number (from 1) takes so long; it tells how things stood when it began.
    slow_load: Option<(u32, Duration)>,
}

impl Flaky {
    fn on(world: &World, trouble: Trouble) -> Arc<Self> {
        Arc::new(Self { store: world.store.clone(), clock: world.clock.clone(), trouble: Mutex::new(trouble) })
    }
}

#[async_trait]
impl TokenStore for Flaky {
    async fn load(&self, key: &TokenKey) -> Result<Option<Connection>, StoreError> {
        let takes = {
            let mut trouble = self.trouble.lock().unwrap();
            trouble.loads += 1;
            if trouble.gone {
                return Err(StoreError::unavailable("gone"));
            }
            trouble.slow_load.filter(|(number, _)| *number == trouble.loads).map_or(Duration::ZERO, |(_, takes)| takes)
        };
        let loaded = self.store.load(key).await;
        self.clock.sleep(takes).await;
        loaded
    }
    async fn swap(
        &self,
        key: &TokenKey,
        expected: u64,
        next: &TokenSet,
        state: &ConnectionState,
    ) -> Result<CasResult, StoreError> {
        let fails = {
            let mut trouble = self.trouble.lock().unwrap();
            let fails = trouble.failing_swaps > 0;
            trouble.failing_swaps = trouble.failing_swaps.saturating_sub(1);
            fails
        };
        if fails { Err(StoreError::unavailable("gone")) } else { self.store.swap(key, expected, next, state).await }
    }
    async fn set_state(&self, key: &TokenKey, generation: u64, state: &ConnectionState) -> Result<(), StoreError> {
        self.store.set_state(key, generation, state).await
    }
    async fn delete_tokens(&self, key: &TokenKey) -> Result<(), StoreError> {
        self.store.delete_tokens(key).await
    }
    async fn connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>, StoreError> {
        self.store.connections(organization).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotated_token_is_stored_however_long_the_store_is_gone() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    let manager = world.process_on(Flaky::on(&world, Trouble { failing_swaps: 100, ..Trouble::default() }));
    let error = manager.tokens(&world.key, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "callers wait no longer than configured: {error}");
    world.clock.sleep(Duration::from_secs(120)).await;
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 2);
    assert_eq!(world.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_costs_nobody_a_good_token() {
    let world = World::new(Duration::from_secs(1000), Duration::ZERO).await;
    let store = Flaky::on(&world, Trouble::default());
    let manager = world.process_on(store.clone());
    manager.tokens(&world.key, None).await.unwrap();
    // It is time to renew, and the token is good for another 200 s.
    world.clock.sleep(Duration::from_secs(800)).await;
    store.trouble.lock().unwrap().gone = true;
    for _ in 0..100 {
        assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 1);
        world.clock.sleep(Duration::from_secs(1)).await;
    }
    store.trouble.lock().unwrap().gone = false;
    manager.tokens(&world.key, None).await.unwrap();
    world.clock.sleep(Duration::from_secs(1)).await;
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_lost_its_lease_before_the_exchange_does_not_present_the_token() {
    let world = World::new(Duration::ZERO, Duration::from_millis(1500)).await;
    // Its second look, under the lease of 3 s, takes longer than that and misses what the other process buys meanwhile.
    let trouble = Trouble { slow_load: Some((2, Duration::from_secs(4))), ..Trouble::default() };
    let (slow, other) = (world.process_on(Flaky::on(&world, trouble)), world.process());
    let (slow, other) = tokio::join!(slow.tokens(&world.key, None), async {
        world.clock.sleep(Duration::from_millis(10)).await;
        other.tokens(&world.key, None).await
    });
    assert_eq!((slow.unwrap().generation, other.unwrap().generation), (2, 2));
    assert_eq!(world.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_exchange_fails_one_call_only() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    world.server.state.lock().unwrap().panic = true;
    let manager = world.process();
    assert_eq!(manager.tokens(&world.key, None).await.unwrap_err().kind(), ErrorKind::Transport);
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 2);
    assert!(world.clock.monotonic() <= Duration::from_secs(4), "the next waits for the lost lease at most");
}

#[tokio::test(start_paused = true)]
async fn short_lived_tokens_are_not_renewed_without_end() {
    let world = World::new(Duration::ZERO, Duration::from_millis(100)).await;
    world.server.state.lock().unwrap().life = Some(Duration::from_secs(300));
    let manager = world.process();
    for second in 0..900 {
        let tokens = manager.tokens(&world.key, None).await.unwrap();
        assert!(tokens.expires_at > Some(world.clock.now()), "second {second}");
        world.clock.sleep(Duration::from_secs(1)).await;
    }
    let (exchanges, _) = world.exchanges();
    assert!((3..=5).contains(&exchanges), "{exchanges} exchanges in 900 s for tokens of 300 s");
}

#[tokio::test(start_paused = true)]
async fn a_new_token_that_is_refused_too_is_not_replaced_for_a_minute() {
    let world = World::new(Duration::from_secs(86_400), Duration::ZERO).await;
    let manager = world.process();
    assert_eq!(manager.tokens(&world.key, Some(1)).await.unwrap().generation, 2);
    for _ in 0..10 {
        let error = manager.tokens(&world.key, Some(2)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    }
    assert_eq!(world.exchanges(), (1, 0));
    world.clock.sleep(Duration::from_secs(61)).await;
    assert_eq!(manager.tokens(&world.key, Some(2)).await.unwrap().generation, 3);
}

#[tokio::test(start_paused = true)]
async fn a_new_token_that_worked_is_replaced_when_it_is_refused_later() {
    let world = World::new(Duration::from_secs(86_400), Duration::ZERO).await;
    let manager = world.process();
    let handle = manager.handle(world.key.clone());
    assert_eq!(handle.access_token(Some(1)).await.unwrap().generation, 2);
    handle.accepted(2);
    assert_eq!(handle.access_token(Some(2)).await.unwrap().generation, 3);
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_during_the_exchange_is_not_undone() {
    let world = World::new(Duration::ZERO, Duration::from_secs(1)).await;
    let manager = world.process();
    let (renewed, ()) = tokio::join!(manager.tokens(&world.key, None), async {
        world.clock.sleep(Duration::from_millis(500)).await;
        world.store.delete_tokens(&world.key).await.unwrap();
    });
    assert_eq!(renewed.unwrap_err().kind(), ErrorKind::Auth);
    assert!(world.store.load(&world.key).await.unwrap().is_none());

    // A new connection does not fall to a swap that expects the old one.
    assert!(matches!(
        world.store.swap(&world.key, 0, &set(9, world.clock.now()), &ConnectionState::Active).await,
        Ok(CasResult::Stored(2))
    ));
    assert!(matches!(
        world.store.swap(&world.key, 1, &set(8, world.clock.now()), &ConnectionState::Active).await,
        Ok(CasResult::Conflict(Some(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn what_another_process_disconnected_is_handed_out_for_seconds_at_most() {
    let world = World::new(Duration::from_secs(1000), Duration::ZERO).await;
    let manager = world.process();
    manager.tokens(&world.key, None).await.unwrap();
    world.store.delete_tokens(&world.key).await.unwrap();
    let since = world.clock.monotonic();
    while manager.tokens(&world.key, None).await.is_ok() {
        world.clock.sleep(Duration::from_millis(100)).await;
    }
    let took = world.clock.monotonic() - since;
    assert!(took <= Duration::from_secs(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_died_is_followed_when_its_lease_ends() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    let name = format!("token:{}", world.key);
    let _dead: Lease = world.store.try_acquire(&name, "dead", TokenConfig::default().lease_ttl).await.unwrap().unwrap();
    assert_eq!(world.process().tokens(&world.key, None).await.unwrap().generation, 2);
    assert!(world.clock.monotonic() <= Duration::from_secs(4), "{:?}", world.clock.monotonic());
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_exchange_is_tried_once_more_by_the_next_call() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    world.server.state.lock().unwrap().fail =
        Some(Error::new(ErrorKind::Transport, "reset").with_send_state(SendState::Unknown));
    let manager = world.process();
    assert_eq!(manager.tokens(&world.key, None).await.unwrap_err().kind(), ErrorKind::Transport);
    assert_eq!(manager.tokens(&world.key, None).await.unwrap().generation, 2);
}

#[tokio::test]
async fn what_is_not_connected_says_so() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    let error = world.process().tokens(&TokenKey::new("org", "acme:2"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.message().contains("org/acme:2 is not connected"), "{error}");
}

/// Gives a connection that is not there its first set, or refuses to.
#[derive(Debug)]
struct Beginning {
    clock: Arc<dyn Clock>,
    refuses: bool,
    begun: Mutex<u32>,
}

#[async_trait]
impl TokenProvider for Beginning {
    async fn refresh(&self, _: &TokenKey, _: &TokenSet) -> Result<TokenSet> {
        Err(Error::new(ErrorKind::InvalidInput, "nothing is to be renewed here"))
    }

    fn can_issue(&self) -> bool {
        true
    }

    async fn issue(&self, key: &TokenKey) -> Result<TokenSet> {
        *self.begun.lock().unwrap() += 1;
        // Longer than the lease lives by itself.
        self.clock.sleep(TokenConfig::default().lease_ttl * 2).await;
        if self.refuses {
            return Err(Error::new(ErrorKind::Auth, format!("{key} is not installed")));
        }
        Ok(set(7, self.clock.now() + Duration::from_secs(3600)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_there_is_begun_once_for_all_who_ask() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    let key = TokenKey::new("org", "acme:2");
    let begin = Arc::new(Beginning { clock: world.clock.clone(), refuses: false, begun: Mutex::default() });
    let store = Arc::new(world.store.clone());
    let process = || TokenManager::new(store.clone(), store.clone(), begin.clone(), world.clock.clone());
    let processes = [process(), process()];
    let callers = (0..20).map(|n| {
        let handle = processes[n % 2].handle(key.clone());
        tokio::spawn(async move { handle.tokens().await.unwrap().access.expose_secret().to_owned() })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap(), "access-7");
    }
    assert_eq!(*begin.begun.lock().unwrap(), 1);
    assert_eq!(world.store.load(&key).await.unwrap().unwrap().tokens.generation, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_while_a_first_set_is_bought_comes_before_it() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    let key = TokenKey::new("org", "acme:2");
    let begin = Arc::new(Beginning { clock: world.clock.clone(), refuses: false, begun: Mutex::default() });
    let store = Arc::new(world.store.clone());
    let handle = TokenManager::new(store.clone(), store.clone(), begin, world.clock.clone()).handle(key.clone());
    let caller = tokio::spawn(async move { handle.tokens().await.unwrap().access.expose_secret().to_owned() });
    world.clock.sleep(Duration::from_secs(1)).await;
    let kept =
        store.swap(&key, 0, &set(1, world.clock.now() + Duration::from_secs(3600)), &ConnectionState::Active).await;
    assert!(matches!(kept, Ok(CasResult::Stored(1))));
    assert_eq!(caller.await.unwrap(), "access-1", "only one is kept");
}

#[tokio::test(start_paused = true)]
async fn a_beginning_that_is_refused_leaves_nothing_behind() {
    let world = World::new(Duration::ZERO, Duration::ZERO).await;
    let key = TokenKey::new("org", "acme:2");
    let begin = Arc::new(Beginning { clock: world.clock.clone(), refuses: true, begun: Mutex::default() });
    let store = Arc::new(world.store.clone());
    let manager = TokenManager::new(store.clone(), store.clone(), begin.clone(), world.clock.clone());
    for times in 1..3 {
        let error = manager.tokens(&key, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(*begin.begun.lock().unwrap(), times, "the next call may have more luck");
    }
    assert!(store.load(&key).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn settling_waits_for_the_renewal_under_way() {
    let world = World::new(Duration::ZERO, Duration::from_secs(5)).await;
    let manager = world.process();
    let caller = manager.tokens(&world.key, None);
    sidecar_core::time::timeout(&*world.clock, Duration::from_millis(10), caller).await.unwrap_err();
    manager.drain_refreshes().await;
    assert_eq!(world.store.load(&world.key).await.unwrap().unwrap().tokens.generation, 2, "stored before it returns");
    assert_eq!(world.exchanges(), (1, 0));
}
