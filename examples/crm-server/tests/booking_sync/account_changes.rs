//! Another Cal.com account is connected while the bookings of the first one are synchronized.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use crate::harness::TestServer;
use crm_server::{sync::run, sync::sources::CALCOM_BOOKINGS};
use provider_sandbox::{Sandbox, calcom::Attendee};
use serde_json::{Value, json};
use sidecar_core::{
    commit::Batch,
    record::RecordKey,
    sync::{CheckpointWrite, Mode, Phase, Progress, SyncKey, SyncObserver},
};

/// Longer than a test takes.
const LATER: Duration = Duration::from_secs(3_600);

impl TestServer {
    fn bookings(&self) -> SyncKey {
        SyncKey::new(&self.organization, CALCOM_BOOKINGS, "calcom:account")
    }

    /// Whether the booking is stored.
    async fn has(&self, uid: &str) -> bool {
        let key = RecordKey { organization: self.organization.clone(), kind: "booking".into(), id: uid.into() };
        self.app().store.record(&key).await.unwrap().is_some()
    }
}

/// Another account with a booking, and the request that connects it.
async fn another(server: &TestServer, seed: u64) -> (Sandbox, String, Value) {
    let other = Sandbox::builder().seed(seed).start().await.unwrap();
    let calcom = other.calcom();
    calcom.open_all_hours();
    let (intro, ann) = (calcom.event_type_id("intro").unwrap(), Attendee::new("ann", "ann@example.com"));
    let booking = calcom.book(intro, server.slot(0), &ann, &json!({})).unwrap();
    let request = json!({"baseUrl": calcom.base_url(), "apiKey": calcom.api_key()});
    (other, booking["uid"].as_str().unwrap().to_owned(), request)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sync_of_another_account_starts_at_its_first_page() {
    let server = TestServer::new(30, 1).await;
    let (other, uid, request) = another(&server, 31).await;
    assert_eq!(server.disconnect().await, 204);
    // A full run of the first account was interrupted late in its listing.
    let progress = Progress {
        mode: Mode::Full,
        phase: Phase::Listing,
        cursor: Some(json!({"after": server.app().now() + LATER, "skip": 0})),
        started_at: server.app().now(),
        newest: None,
        pages: 1,
        seen: 100,
    };
    let checkpoint = Some(CheckpointWrite::Progress(server.bookings(), progress));
    server.app().records.commit(Batch { checkpoint, ..Batch::default() }).await.unwrap();

    assert_eq!(server.change(&request).await, 200);
    server.wait_for_syncs().await;
    assert!(server.has(&uid).await);
    server.stop().await;
    other.stop().await;
}

/// Connects another account after the last page of the first one is committed and before the run ends.
struct ConnectDuringRun<'a> {
    server: &'a TestServer,
    request: Value,
    done: AtomicBool,
}

impl SyncObserver for ConnectDuringRun<'_> {
    fn page(&self, _: &SyncKey, _: &Progress) {
        if !self.done.swap(true, Relaxed) {
            let change = self.server.change(&self.request);
            let status = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(change));
            assert_eq!(status, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_connected_during_the_sync_of_another_is_synced_after_it() {
    let server = TestServer::new(32, 1).await;
    let (other, uid, request) = another(&server, 33).await;
    let (app, key) = (server.app(), server.bookings());
    // Requested, but not due for the server's own scheduler.
    app.store.schedule(&key, app.now() + LATER, true).await.unwrap();
    let observer = ConnectDuringRun { server: &server, request, done: AtomicBool::new(false) };
    run::run(app, &key, &observer).await.unwrap();
    assert!(observer.done.load(Relaxed));
    assert!(!server.has(&uid).await, "that run was of the first account");
    server.wait_for_syncs().await;
    assert!(server.has(&uid).await);
    server.stop().await;
    other.stop().await;
}
