//! The first token set of a connection.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use sidecar_core::{
    Clock, Error, ErrorKind, Result,
    secret::ExposeSecret,
    token::{CasResult, ConnectionState, TokenConfig, TokenKey, TokenManager, TokenProvider, TokenSet, TokenStore},
};

use crate::harness::{Harness, token_set};

/// Issues the first token set of a connection, or rejects the request.
#[derive(Debug)]
struct Issuer {
    clock: Arc<dyn Clock>,
    rejects: bool,
    issued: Mutex<u32>,
}

#[async_trait]
impl TokenProvider for Issuer {
    async fn refresh(&self, _: &TokenKey, _: &TokenSet) -> Result<TokenSet> {
        Err(Error::new(ErrorKind::InvalidInput, "refresh is not supported"))
    }

    fn can_issue(&self) -> bool {
        true
    }

    async fn issue(&self, key: &TokenKey) -> Result<TokenSet> {
        *self.issued.lock().unwrap() += 1;
        // Longer than the lease without a renewal.
        self.clock.sleep(TokenConfig::default().lease_ttl * 2).await;
        if self.rejects {
            return Err(Error::new(ErrorKind::Auth, format!("{key} is not installed")));
        }
        Ok(token_set(7, self.clock.now() + Duration::from_secs(3600)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_connection_is_issued_once_for_all_callers() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    let key = TokenKey::new("org", "acme:2");
    let issuer = Arc::new(Issuer { clock: harness.clock.clone(), rejects: false, issued: Mutex::default() });
    let store = Arc::new(harness.store.clone());
    let process = || TokenManager::new(store.clone(), store.clone(), issuer.clone(), harness.clock.clone());
    let processes = [process(), process()];
    let callers = (0..20).map(|n| {
        let handle = processes[n % 2].handle(key.clone());
        tokio::spawn(async move { handle.tokens().await.unwrap().access.expose_secret().to_owned() })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap(), "access-7");
    }
    assert_eq!(*issuer.issued.lock().unwrap(), 1);
    assert_eq!(harness.store.load(&key).await.unwrap().unwrap().tokens.generation, 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_stored_during_issuance_wins() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    let key = TokenKey::new("org", "acme:2");
    let issuer = Arc::new(Issuer { clock: harness.clock.clone(), rejects: false, issued: Mutex::default() });
    let store = Arc::new(harness.store.clone());
    let handle = TokenManager::new(store.clone(), store.clone(), issuer, harness.clock.clone()).handle(key.clone());
    let caller = tokio::spawn(async move { handle.tokens().await.unwrap().access.expose_secret().to_owned() });
    harness.clock.sleep(Duration::from_secs(1)).await;
    let stored = store
        .swap(&key, 0, &token_set(1, harness.clock.now() + Duration::from_secs(3600)), &ConnectionState::Active)
        .await;
    assert!(matches!(stored, Ok(CasResult::Stored(1))));
    assert_eq!(caller.await.unwrap(), "access-1", "the stored token wins");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_issuance_stores_nothing() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    let key = TokenKey::new("org", "acme:2");
    let issuer = Arc::new(Issuer { clock: harness.clock.clone(), rejects: true, issued: Mutex::default() });
    let store = Arc::new(harness.store.clone());
    let manager = TokenManager::new(store.clone(), store.clone(), issuer.clone(), harness.clock.clone());
    for times in 1..3 {
        let error = manager.tokens(&key, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(*issuer.issued.lock().unwrap(), times, "each call tries again");
    }
    assert!(store.load(&key).await.unwrap().is_none());
}
