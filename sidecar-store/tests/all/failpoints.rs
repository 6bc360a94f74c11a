use std::borrow::Cow;

use sidecar_core::{
    Timestamp,
    queue::inbox::{Inbox, NewDelivery, Receipt},
};

use crate::support::open;

#[tokio::test]
async fn without_deduplication_the_inbox_stores_everything() {
    let store = open("sqlite::memory:").await;
    let delivery = NewDelivery {
        source: Cow::Borrowed("ghl"),
        id: "1".into(),
        organization: None,
        order_key: "k".into(),
        kind: "k".into(),
        body: "{}".into(),
        at: Timestamp::EPOCH,
    };
    let scenario = fail::FailScenario::setup();
    fail::cfg("inbox.dedup", "return").unwrap();
    for _ in 0..2 {
        assert_eq!(store.put(std::slice::from_ref(&delivery)).await.unwrap(), [Receipt::New]);
    }
    scenario.teardown();
    assert_eq!(store.backlog().await.unwrap().pending, 2);
}
