use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{CasResult, Connection, ConnectionState, TokenKey, TokenSet, TokenStore};
use crate::{
    error::StoreError,
    id::OrganizationId,
    lease::{Lease, LeaseStore},
    time::{Clock, SystemClock},
};

/// Tokens and leases in memory, for one process and for tests: they are lost when it ends, and with them every
/// rotated refresh token. Clones share their content.
#[derive(Clone)]
pub struct MemoryStore(Arc<Memory>);

struct Memory {
    clock: Arc<dyn Clock>,
    tokens: Mutex<BTreeMap<TokenKey, Row>>,
    leases: Mutex<HashMap<String, Held>>,
}

/// A connection; the generation stays when it is forgotten.
struct Row {
    generation: u64,
    connection: Option<Connection>,
}

struct Held {
    holder: Arc<str>,
    fence: u64,
    until: Duration,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::with_clock(SystemClock::shared())
    }

    /// An empty store whose leases run by `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Memory { clock, tokens: Mutex::default(), leases: Mutex::default() }))
    }

    fn tokens(&self) -> MutexGuard<'_, BTreeMap<TokenKey, Row>> {
        self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.0.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} connections)", self.tokens().len())
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<Connection>, StoreError> {
        Ok(self.tokens().get(key).and_then(|row| row.connection.clone()))
    }

    async fn swap(
        &self,
        key: &TokenKey,
        expected: u64,
        next: &TokenSet,
        state: &ConnectionState,
    ) -> Result<CasResult, StoreError> {
        let mut rows = self.tokens();
        let (generation, found) = match rows.get(key) {
            Some(row) => (row.generation, row.connection.clone()),
            None => (0, None),
        };
        let free_to_write = match &found {
            Some(_) => expected != 0 && generation == expected,
            None => expected == 0,
        };
        if !free_to_write {
            return Ok(CasResult::Conflict(found));
        }
        let generation = generation + 1;
        let tokens = TokenSet { generation, ..next.clone() };
        let connection = Some(Connection { key: key.clone(), tokens, state: state.clone() });
        rows.insert(key.clone(), Row { generation, connection });
        Ok(CasResult::Stored(generation))
    }

    async fn set_state(&self, key: &TokenKey, generation: u64, state: &ConnectionState) -> Result<(), StoreError> {
        if let Some(Row { connection: Some(connection), .. }) = self.tokens().get_mut(key)
            && connection.tokens.generation == generation
        {
            connection.state = state.clone();
        }
        Ok(())
    }

    async fn delete_tokens(&self, key: &TokenKey) -> Result<(), StoreError> {
        if let Some(row) = self.tokens().get_mut(key) {
            row.connection = None;
        }
        Ok(())
    }

    async fn connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>, StoreError> {
        let rows = self.tokens();
        Ok(rows
            .values()
            .filter_map(|row| row.connection.clone())
            .filter(|c| c.key.organization() == organization)
            .collect())
    }
}

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn try_acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let now = self.0.clock.monotonic();
        let mut leases = self.leases();
        let fence = match leases.get(key) {
            Some(held) if held.until > now => return Ok(None),
            Some(held) => held.fence + 1,
            None => 1,
        };
        let holder: Arc<str> = holder.into();
        leases.insert(key.to_owned(), Held { holder: Arc::clone(&holder), fence, until: now.saturating_add(ttl) });
        Ok(Some(Lease { key: key.into(), holder, fence }))
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let now = self.0.clock.monotonic();
        let mut leases = self.leases();
        let held = leases.get_mut(&*lease.key).filter(|held| held.fence == lease.fence && held.holder == lease.holder);
        Ok(held.filter(|held| held.until > now).map(|held| held.until = now.saturating_add(ttl)).is_some())
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        if let Some(held) = self.leases().get_mut(&*lease.key).filter(|held| held.fence == lease.fence) {
            held.until = Duration::ZERO;
        }
        Ok(())
    }
}
