use std::{sync::Arc, time::Duration};

use super::{
    CasResult, Connection, ConnectionState, TokenKey, TokenSet,
    manager::{CachedToken, Manager},
    not_connected,
};
use crate::{
    error::{Error, ErrorKind, Result, SendState, StoreError},
    lease::LeaseGuard,
    time::{Elapsed, timeout},
};

/// How often a process first polls for the end of another process's refresh.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// The longest pause between two such polls.
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The longest pause between two attempts to store a rotated token set.
const MAX_STORE_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How long storing a rotated token set is retried: far longer than any database restart.
const STORE_TIMEOUT: Duration = Duration::from_secs(3600);

/// A connection as the store has it.
enum Stored {
    /// A token set that may be refreshed.
    Tokens(TokenSet),
    /// No tokens: the provider may issue the first set, which replaces this generation.
    Vacant { generation: u64 },
}

impl Manager {
    fn expires_within(&self, tokens: &TokenSet, time: Duration) -> bool {
        tokens.expires_at.is_some_and(|end| end <= self.clock.now() + time)
    }

    /// Returns `time`, but at most a part of the token's lifetime, so that short-lived tokens are not refreshed all the time.
    fn capped(tokens: &TokenSet, time: Duration, part: u32) -> Duration {
        match (tokens.expires_at, tokens.issued_at) {
            (Some(end), Some(issued)) => time.min(end.since(issued) / part),
            _ => time,
        }
    }

    pub(super) fn is_usable(&self, tokens: &TokenSet, rejected: Option<u64>) -> bool {
        rejected.is_none_or(|generation| tokens.generation > generation)
            && !self.expires_within(tokens, Self::capped(tokens, self.config.expiry_leeway, 8))
    }

    /// Returns whether the token should be refreshed in the background, though it is still usable.
    pub(super) fn is_refresh_due(&self, tokens: &TokenSet) -> bool {
        self.expires_within(tokens, Self::capped(tokens, self.refresh_before, 4))
    }

    fn cached(&self, tokens: TokenSet, after_rejection: bool) -> CachedToken {
        CachedToken { tokens, checked_at: self.clock.monotonic(), after_rejection }
    }

    /// Returns whether the stored token needs no refresh: it is not due, or this process did not know it yet. (A restarted process
    /// does not wait for a slow token endpoint; its next call refreshes in the background.)
    fn is_acceptable(&self, tokens: &TokenSet, rejected: Option<u64>, known: Option<u64>) -> bool {
        self.is_usable(tokens, rejected) && (known != Some(tokens.generation) || !self.is_refresh_due(tokens))
    }

    /// Returns the stored token if it is acceptable, else a refreshed one. Waits while another process holds the lease.
    pub(super) async fn obtain(
        &self,
        key: &TokenKey,
        rejected: Option<u64>,
        known: Option<u64>,
    ) -> Result<CachedToken> {
        let lease_key = format!("token:{key}");
        let deadline = self.clock.monotonic().saturating_add(self.config.exchange_timeout);
        let mut pause = POLL_INTERVAL;
        loop {
            match self.find(key).await? {
                Stored::Tokens(tokens) if self.is_acceptable(&tokens, rejected, known) => {
                    return Ok(self.cached(tokens, false));
                }
                Stored::Vacant { .. } if !self.provider.can_issue() => return Err(not_connected(key)),
                _ => {}
            }
            let (leases, clock) = (Arc::clone(&self.leases), Arc::clone(&self.clock));
            if let Some(lease) = LeaseGuard::try_acquire(leases, clock, &lease_key, self.config.lease_ttl).await? {
                let outcome = self.refresh_under_lease(key, rejected, known, &lease).await;
                lease.release().await;
                if let Some(outcome) = outcome.transpose() {
                    return outcome;
                }
            }
            if self.clock.monotonic() >= deadline {
                let why = format!("another process has been refreshing {key} for longer than the exchange timeout");
                return Err(Error::new(ErrorKind::Deadline, why));
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(MAX_POLL_INTERVAL);
        }
    }

    /// Reads the connection; an error if it has to be authorized again.
    async fn find(&self, key: &TokenKey) -> Result<Stored> {
        let Some(Connection { tokens, state, .. }) = self.store.load(key).await? else {
            return Ok(Stored::Vacant { generation: 0 });
        };
        let why = match state {
            ConnectionState::Active => return Ok(Stored::Tokens(tokens)),
            ConnectionState::Disconnected { reissue: true, .. } => {
                return Ok(Stored::Vacant { generation: tokens.generation });
            }
            ConnectionState::Disconnected { reason, since, reissue: false } => {
                format!("{key} has been disconnected since {since}: {reason}; connect it again")
            }
            ConnectionState::NeedsReauth { reason, since } => {
                format!("{key} has needed reauthorization since {since}: {reason}; connect it again")
            }
        };
        Err(Error::new(ErrorKind::Auth, why))
    }

    /// Refreshes under the lease; `None` when the lease or the swap was lost and the store has to be read again.
    async fn refresh_under_lease(
        &self,
        key: &TokenKey,
        rejected: Option<u64>,
        known: Option<u64>,
        lease: &LeaseGuard,
    ) -> Result<Option<CachedToken>> {
        let found = self.find(key).await?;
        if let Stored::Tokens(current) = &found
            && self.is_acceptable(current, rejected, known)
        {
            return Ok(Some(self.cached(current.clone(), false)));
        }
        // Reading may have taken longer than the lease: a refresh token must not be sent without it.
        if !lease.renew().await? {
            return Ok(None);
        }
        let current = match found {
            Stored::Tokens(current) => current,
            Stored::Vacant { generation } => {
                let first = self.exchange(lease, self.provider.issue(key)).await?;
                let stored = lease.run_to_completion(self.store_rotated(key, generation, first)).await?;
                return Ok(stored.map(|tokens| self.cached(tokens, false)));
            }
        };
        match self.exchange(lease, self.provider.refresh(key, &current)).await {
            Ok(next) => {
                let stored = lease.run_to_completion(self.store_rotated(key, current.generation, next)).await?;
                Ok(stored.map(|tokens| self.cached(tokens, rejected.is_some())))
            }
            Err(error) if error.kind() == ErrorKind::Auth => self
                .recheck_after_rejection(key, &current, rejected, error)
                .await
                .map(|tokens| Some(self.cached(tokens, false))),
            // The old token is still usable, so a failing token endpoint fails no call.
            Err(error) if self.is_usable(&current, rejected) => {
                tracing::warn!(%key, %error, "could not refresh the token ahead of its expiry; it is still usable");
                Ok(Some(self.cached(current, false)))
            }
            Err(error) => Err(error),
        }
    }

    /// Awaits the token endpoint while renewing the lease. A request that was sent cannot be undone: when the lease is lost, the
    /// generation of the swap decides.
    async fn exchange(&self, lease: &LeaseGuard, request: impl Future<Output = Result<TokenSet>>) -> Result<TokenSet> {
        let request = timeout(&*self.clock, self.config.exchange_timeout, request);
        lease.run_to_completion(request).await.unwrap_or_else(|Elapsed(limit)| {
            let why = format!("the token endpoint did not respond within {limit:?}");
            Err(Error::new(ErrorKind::Deadline, why).with_send_state(SendState::Unknown))
        })
    }

    /// Stores the rotated token set and retries for up to an hour, because the old refresh token is no longer valid. `None` when
    /// another process has replaced the set.
    async fn store_rotated(&self, key: &TokenKey, expected: u64, mut next: TokenSet) -> Result<Option<TokenSet>> {
        next.issued_at = Some(self.clock.now());
        let deadline = self.clock.monotonic().saturating_add(STORE_TIMEOUT);
        let mut pause = POLL_INTERVAL;
        loop {
            match self.store.swap(key, expected, &next, &ConnectionState::Active).await {
                Ok(CasResult::Stored(generation)) => {
                    next.generation = generation;
                    return Ok(Some(next));
                }
                Ok(CasResult::Conflict(Some(_))) => return Ok(None),
                Ok(CasResult::Conflict(None)) => {
                    return Err(Error::new(
                        ErrorKind::Auth,
                        format!("{key} was disconnected during the token refresh"),
                    ));
                }
                Err(error) if error.is_retryable() && self.clock.monotonic() < deadline => {
                    tracing::error!(%key, %error, "could not store a rotated token; retrying");
                    self.clock.sleep(pause).await;
                    pause = (pause * 2).min(MAX_STORE_RETRY_INTERVAL);
                }
                Err(error) => return Err(not_stored(key, error)),
            }
        }
    }

    /// Handles a rejected refresh token: if another process has rotated it, its set is used; otherwise the connection is marked as
    /// needing reauthorization.
    async fn recheck_after_rejection(
        &self,
        key: &TokenKey,
        tried: &TokenSet,
        rejected: Option<u64>,
        error: Error,
    ) -> Result<TokenSet> {
        let Stored::Tokens(now) = self.find(key).await? else { return Err(not_connected(key)) };
        if now.generation > tried.generation {
            return if self.is_usable(&now, rejected) { Ok(now) } else { Err(error) };
        }
        let state = ConnectionState::NeedsReauth { reason: error.message().to_owned(), since: self.clock.now() };
        tracing::error!(%key, %error, "the provider rejected the refresh token: the connection has to be authorized again");
        if let Err(failed) = self.store.set_state(key, tried.generation, &state).await {
            tracing::error!(%key, error = %failed, "could not store that the connection needs reauthorization; the next call finds out again");
        }
        Err(error)
    }
}

fn not_stored(key: &TokenKey, error: StoreError) -> Error {
    tracing::error!(%key, %error, "could not store a rotated token: the connection is lost when this process exits");
    error.into()
}
