//! The token manager against a token server that rotates refresh tokens and revokes a token family on reuse.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod issue;
mod store_outages;

use std::time::Duration;

use sidecar_core::{
    Error, ErrorKind, SendState,
    lease::{Lease, LeaseStore},
    token::{CasResult, ConnectionState, Credentials, TokenConfig, TokenKey, TokenStore},
};

use harness::{Harness, token_set};

#[tokio::test(start_paused = true)]
async fn callers_in_several_processes_refresh_once() {
    let harness = Harness::new(Duration::ZERO, Duration::from_millis(200)).await;
    let processes = [harness.process(), harness.process(), harness.process()];
    let callers = (0..90).map(|n| {
        let handle = processes[n % 3].handle(harness.key.clone());
        tokio::spawn(async move { handle.access_token(None).await.unwrap().generation })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap(), 2);
    }
    assert_eq!(harness.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_slower_than_the_lease_still_runs_once() {
    let harness = Harness::new(Duration::ZERO, TokenConfig::default().lease_ttl * 3).await;
    let (first, second) = (harness.process(), harness.process());
    let (first, second) = tokio::join!(first.tokens(&harness.key, None), second.tokens(&harness.key, None));
    assert_eq!((first.unwrap().generation, second.unwrap().generation), (2, 2));
    assert_eq!(harness.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_caller_does_not_stop_the_refresh() {
    let harness = Harness::new(Duration::ZERO, Duration::from_secs(1)).await;
    let manager = harness.process();
    let caller = manager.tokens(&harness.key, None);
    sidecar_core::time::timeout(&*harness.clock, Duration::from_millis(10), caller).await.unwrap_err();
    harness.clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(harness.store.load(&harness.key).await.unwrap().unwrap().tokens.generation, 2);
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 2);
    assert_eq!(harness.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_refreshed_once_for_all_its_callers() {
    let harness = Harness::new(Duration::from_secs(7200), Duration::from_millis(50)).await;
    let (a, b) = (harness.process(), harness.process());
    let seen = a.tokens(&harness.key, None).await.unwrap().generation;
    let (x, y, z) = tokio::join!(
        a.tokens(&harness.key, Some(seen)),
        a.tokens(&harness.key, Some(seen)),
        b.tokens(&harness.key, Some(seen))
    );
    assert_eq!([x, y, z].map(|t| t.unwrap().generation), [2, 2, 2]);
    assert_eq!(harness.exchanges(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_token_near_its_expiry_is_returned_while_it_is_refreshed() {
    let harness = Harness::new(Duration::from_secs(120), Duration::from_secs(5)).await;
    let manager = harness.process();
    // A new process loads the stored token; its next call starts the refresh.
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 1);
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 1);
    harness.clock.sleep(Duration::from_secs(6)).await;
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 2);
    harness.clock.sleep(Duration::from_secs(3600 - 120)).await;
    let before = harness.clock.monotonic();
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 2);
    assert_eq!(harness.clock.monotonic(), before, "the caller did not wait");
    harness.clock.sleep(Duration::from_secs(6)).await;
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 3);
    assert_eq!(harness.exchanges(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_fails_no_call_while_the_token_is_valid() {
    let harness = Harness::new(Duration::from_secs(120), Duration::ZERO).await;
    harness.server.state.lock().unwrap().next_error = Some(Error::new(ErrorKind::Server, "503"));
    assert_eq!(harness.process().tokens(&harness.key, None).await.unwrap().generation, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_refresh_token_needs_reauthorization_and_is_sent_once() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    // A crash lost the rotated token, so the stored one was already used.
    harness.server.state.lock().unwrap().current = 5;
    for _ in 0..3 {
        let error = harness.process().tokens(&harness.key, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    }
    assert_eq!(harness.exchanges(), (0, 1), "the rejected token is sent once");
    let state = harness.store.load(&harness.key).await.unwrap().unwrap().state;
    assert!(matches!(state, ConnectionState::NeedsReauth { reason, .. } if reason == "invalid_grant"));

    let reconnected = harness
        .store
        .swap(&harness.key, 1, &token_set(5, harness.clock.now() + Duration::from_secs(7200)), &ConnectionState::Active)
        .await;
    assert!(matches!(reconnected, Ok(CasResult::Stored(2))));
    assert_eq!(harness.process().tokens(&harness.key, None).await.unwrap().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_exchange_fails_only_one_call() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    harness.server.state.lock().unwrap().panic = true;
    let manager = harness.process();
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap_err().kind(), ErrorKind::Transport);
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 2);
    assert!(harness.clock.monotonic() <= Duration::from_secs(4), "the next call waits at most for the lost lease");
}

#[tokio::test(start_paused = true)]
async fn short_lived_tokens_are_not_refreshed_endlessly() {
    let harness = Harness::new(Duration::ZERO, Duration::from_millis(100)).await;
    harness.server.state.lock().unwrap().token_lifetime = Some(Duration::from_secs(300));
    let manager = harness.process();
    for second in 0..900 {
        let tokens = manager.tokens(&harness.key, None).await.unwrap();
        assert!(tokens.expires_at > Some(harness.clock.now()), "second {second}");
        harness.clock.sleep(Duration::from_secs(1)).await;
    }
    let (exchanges, _) = harness.exchanges();
    assert!((3..=5).contains(&exchanges), "{exchanges} exchanges in 900 s for tokens of 300 s");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_new_token_is_not_replaced_for_a_minute() {
    let harness = Harness::new(Duration::from_secs(86_400), Duration::ZERO).await;
    let manager = harness.process();
    assert_eq!(manager.tokens(&harness.key, Some(1)).await.unwrap().generation, 2);
    for _ in 0..10 {
        let error = manager.tokens(&harness.key, Some(2)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    }
    assert_eq!(harness.exchanges(), (1, 0));
    harness.clock.sleep(Duration::from_secs(61)).await;
    assert_eq!(manager.tokens(&harness.key, Some(2)).await.unwrap().generation, 3);
}

#[tokio::test(start_paused = true)]
async fn a_new_token_that_worked_is_replaced_when_rejected_later() {
    let harness = Harness::new(Duration::from_secs(86_400), Duration::ZERO).await;
    let manager = harness.process();
    let handle = manager.handle(harness.key.clone());
    assert_eq!(handle.access_token(Some(1)).await.unwrap().generation, 2);
    handle.accepted(2);
    assert_eq!(handle.access_token(Some(2)).await.unwrap().generation, 3);
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_during_the_exchange_is_not_undone() {
    let harness = Harness::new(Duration::ZERO, Duration::from_secs(1)).await;
    let manager = harness.process();
    let (refreshed, ()) = tokio::join!(manager.tokens(&harness.key, None), async {
        harness.clock.sleep(Duration::from_millis(500)).await;
        harness.store.delete_tokens(&harness.key).await.unwrap();
    });
    assert_eq!(refreshed.unwrap_err().kind(), ErrorKind::Auth);
    assert!(harness.store.load(&harness.key).await.unwrap().is_none());

    // A swap that expects the old connection does not overwrite the new one.
    assert!(matches!(
        harness.store.swap(&harness.key, 0, &token_set(9, harness.clock.now()), &ConnectionState::Active).await,
        Ok(CasResult::Stored(2))
    ));
    assert!(matches!(
        harness.store.swap(&harness.key, 1, &token_set(8, harness.clock.now()), &ConnectionState::Active).await,
        Ok(CasResult::Conflict(Some(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_another_process_deleted_is_returned_for_seconds_at_most() {
    let harness = Harness::new(Duration::from_secs(1000), Duration::ZERO).await;
    let manager = harness.process();
    manager.tokens(&harness.key, None).await.unwrap();
    harness.store.delete_tokens(&harness.key).await.unwrap();
    let since = harness.clock.monotonic();
    while manager.tokens(&harness.key, None).await.is_ok() {
        harness.clock.sleep(Duration::from_millis(100)).await;
    }
    let took = harness.clock.monotonic() - since;
    assert!(took <= Duration::from_secs(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_crashed_holder_is_taken_over_when_it_expires() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    let name = format!("token:{}", harness.key);
    let _crashed: Lease =
        harness.store.try_acquire(&name, "crashed", TokenConfig::default().lease_ttl).await.unwrap().unwrap();
    assert_eq!(harness.process().tokens(&harness.key, None).await.unwrap().generation, 2);
    assert!(harness.clock.monotonic() <= Duration::from_secs(4), "{:?}", harness.clock.monotonic());
}

#[tokio::test(start_paused = true)]
async fn the_next_call_retries_an_ambiguous_exchange() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    harness.server.state.lock().unwrap().next_error =
        Some(Error::new(ErrorKind::Transport, "reset").with_send_state(SendState::Unknown));
    let manager = harness.process();
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap_err().kind(), ErrorKind::Transport);
    assert_eq!(manager.tokens(&harness.key, None).await.unwrap().generation, 2);
}

#[tokio::test]
async fn an_unknown_connection_is_reported_as_not_connected() {
    let harness = Harness::new(Duration::ZERO, Duration::ZERO).await;
    let error = harness.process().tokens(&TokenKey::new("org", "acme:2"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.message().contains("org/acme:2 is not connected"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_the_refresh_in_flight() {
    let harness = Harness::new(Duration::ZERO, Duration::from_secs(5)).await;
    let manager = harness.process();
    let caller = manager.tokens(&harness.key, None);
    sidecar_core::time::timeout(&*harness.clock, Duration::from_millis(10), caller).await.unwrap_err();
    manager.drain_refreshes().await;
    assert_eq!(
        harness.store.load(&harness.key).await.unwrap().unwrap().tokens.generation,
        2,
        "stored before it returns"
    );
    assert_eq!(harness.exchanges(), (1, 0));
}
