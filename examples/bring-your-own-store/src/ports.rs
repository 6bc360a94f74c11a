//! The three ports. The traits document the contract of each method.

use std::time::Duration;

use async_trait::async_trait;
use sidecar_core::{
    Clock, OrganizationId, StoreError, Timestamp,
    lease::{Lease, LeaseStore},
    process::ProcessRegistry,
    token::{CasResult, Connection, ConnectionState, TokenKey, TokenSet, TokenStore},
};

use crate::{
    FileStore,
    content::{Content, Row, StoredLease, open, seal},
};

fn row<'a>(content: &'a mut Content, key: &TokenKey) -> &'a mut Row {
    content.tokens.entry(key.organization().clone()).or_default().entry(key.resource().to_owned()).or_default()
}

#[async_trait]
impl TokenStore for FileStore {
    async fn load(&self, key: &TokenKey) -> Result<Option<Connection>, StoreError> {
        open(&self.vault, key, row(&mut self.read()?, key))
    }

    async fn swap(
        &self,
        key: &TokenKey,
        expected: u64,
        next: &TokenSet,
        state: &ConnectionState,
    ) -> Result<CasResult, StoreError> {
        let sealed = seal(&self.vault, key, next)?;
        let (stored, found) = self.change(|content| {
            let row = row(content, key);
            let is_there = row.connection.is_some();
            let stored = is_there == (expected != 0) && (!is_there || row.generation == expected);
            if stored {
                *row = Row { generation: row.generation + 1, connection: Some((sealed, state.clone())) };
            }
            (stored, row.clone())
        })?;
        Ok(if stored {
            CasResult::Stored(found.generation)
        } else {
            CasResult::Conflict(open(&self.vault, key, &found)?)
        })
    }

    async fn set_state(&self, key: &TokenKey, generation: u64, state: &ConnectionState) -> Result<(), StoreError> {
        self.change(|content| match row(content, key) {
            Row { generation: current, connection: Some((_, known)) } if *current == generation => {
                known.clone_from(state);
            }
            _ => {}
        })
    }

    async fn delete_tokens(&self, key: &TokenKey) -> Result<(), StoreError> {
        self.change(|content| row(content, key).connection = None)
    }

    async fn connections(&self, organization: &OrganizationId) -> Result<Vec<Connection>, StoreError> {
        let rows = self.read()?.tokens.remove(organization).unwrap_or_default();
        let opened = rows
            .iter()
            .map(|(resource, row)| open(&self.vault, &TokenKey::new(organization, resource.as_str()), row).transpose());
        opened.flatten().collect()
    }
}

#[async_trait]
impl LeaseStore for FileStore {
    async fn try_acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        self.change(|content| {
            let (now, stored) = (self.clock.now(), content.leases.entry(key.to_owned()).or_default());
            if stored.expires_at > now {
                return None;
            }
            *stored = StoredLease { holder: holder.to_owned(), fence: stored.fence + 1, expires_at: now + ttl };
            Some(Lease { key: key.into(), holder: holder.into(), fence: stored.fence })
        })
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        self.change(|content| {
            let (now, stored) = (self.clock.now(), content.leases.entry(lease.key.to_string()).or_default());
            let is_held = stored.fence == lease.fence && *stored.holder == *lease.holder && stored.expires_at > now;
            if is_held {
                stored.expires_at = now + ttl;
            }
            is_held
        })
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.change(|content| {
            if let Some(stored) = content.leases.get_mut(&*lease.key).filter(|stored| stored.fence == lease.fence) {
                stored.expires_at = Timestamp::EPOCH;
            }
        })
    }
}

#[async_trait]
impl ProcessRegistry for FileStore {
    async fn heartbeat(&self, process: &str, ttl: Duration) -> Result<u32, StoreError> {
        self.change(|content| {
            let now = self.clock.now();
            content.processes.insert(process.to_owned(), now + ttl);
            content.processes.retain(|_, expires_at| *expires_at > now);
            u32::try_from(content.processes.len()).unwrap_or(u32::MAX)
        })
    }

    async fn deregister(&self, process: &str) -> Result<(), StoreError> {
        self.change(|content| content.processes.remove(process)).map(drop)
    }
}
