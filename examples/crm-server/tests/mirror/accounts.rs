//! Another account at Cal.com takes the place of the one whose bookings are being copied.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use crate::house::House;
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

impl House {
    fn bookings(&self) -> SyncKey {
        SyncKey::new(&self.organization, CALCOM_BOOKINGS, "calcom:account")
    }

    /// Whether a booking of whichever account was copied.
    async fn has(&self, uid: &str) -> bool {
        let key = RecordKey { organization: self.organization.clone(), kind: "booking".into(), id: uid.into() };
        self.app().store.record(&key).await.unwrap().is_some()
    }
}

/// Another account, with a booking; and the wish to connect it.
async fn another(house: &House, seed: u64) -> (Sandbox, String, Value) {
    let other = Sandbox::builder().seed(seed).start().await.unwrap();
    let calcom = other.calcom();
    calcom.open_all_hours();
    let (intro, ann) = (calcom.event_type_id("intro").unwrap(), Attendee::new("ann", "ann@example.com"));
    let booking = calcom.book(intro, house.slot(0), &ann, &json!({})).unwrap();
    let wish = json!({"baseUrl": calcom.base_url(), "apiKey": calcom.api_key()});
    (other, booking["uid"].as_str().unwrap().to_owned(), wish)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_of_another_account_begins_at_its_beginning() {
    let house = House::new(30, 1).await;
    let (other, uid, wish) = another(&house, 31).await;
    assert_eq!(house.disconnect().await, 204);
    // A whole copy of the first account was interrupted far in its listing.
    let progress = Progress {
        mode: Mode::Full,
        phase: Phase::Listing,
        cursor: Some(json!({"after": house.app().now() + LATER, "skip": 0})),
        started_at: house.app().now(),
        newest: None,
        pages: 1,
        seen: 100,
    };
    let checkpoint = Some(CheckpointWrite::Progress(house.bookings(), progress));
    house.app().store.commit(Batch { checkpoint, ..Batch::default() }).await.unwrap();

    assert_eq!(house.change(&wish).await, 200);
    house.rest_of_passes().await;
    assert!(house.has(&uid).await);
    house.stop().await;
    other.stop().await;
}

/// Connects another account when the last page of the first one is committed and the pass has not ended.
struct Meanwhile<'a> {
    house: &'a House,
    wish: Value,
    done: AtomicBool,
}

impl SyncObserver for Meanwhile<'_> {
    fn page(&self, _: &SyncKey, _: &Progress) {
        if !self.done.swap(true, Relaxed) {
            let change = self.house.change(&self.wish);
            let status = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(change));
            assert_eq!(status, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_connected_during_a_copy_of_another_is_copied_after_it() {
    let house = House::new(32, 1).await;
    let (other, uid, wish) = another(&house, 33).await;
    let (app, key) = (house.app(), house.bookings());
    // Wished for, and not due for the server's own scheduler.
    app.store.schedule(&key, app.now() + LATER, true).await.unwrap();
    let meanwhile = Meanwhile { house: &house, wish, done: AtomicBool::new(false) };
    run::run(app, &key, &meanwhile).await.unwrap();
    assert!(meanwhile.done.load(Relaxed));
    assert!(!house.has(&uid).await, "that pass was of the first account");
    house.rest_of_passes().await;
    assert!(house.has(&uid).await);
    house.stop().await;
    other.stop().await;
}
