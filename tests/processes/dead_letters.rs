//! Dead letters (R16): a poison message is retried on schedule without blocking other keys, and a redriven dead letter is
//! processed once.

use std::{collections::BTreeSet, time::Duration};

use provider_sandbox::Sandbox;
use serde_json::{Value, json};
use sidecar_core::{
    Clock, SystemClock,
    queue::{WorkerConfig, inbox::NewDelivery},
};
use sidecar_tests::{DatabaseKind, ORGANIZATION, SeededRng, open_store, proof, scaled, test_on_each_database};

use crate::{
    server::{Fixture, WAIT_TIMEOUT},
    webhook_sender::{Delivery, signed},
    workload::{StoredEffects, Workload},
};

/// Returns the inbox row of a delivery.
fn new_delivery(delivery: &Delivery, source: &'static str, order_key: &str) -> NewDelivery {
    NewDelivery {
        source: source.into(),
        id: delivery.id.as_str().into(),
        organization: Some(ORGANIZATION.into()),
        order_key: order_key.into(),
        kind: "ContactUpdate".into(),
        body: delivery.body.clone(),
        at: SystemClock::new().now(),
    }
}

async fn start_fixture(database: DatabaseKind) -> Fixture {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    Fixture::new(database, sandbox, &[("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())]).await
}

test_on_each_database!(redriven_dead_letters_are_processed_once);

async fn redriven_dead_letters_are_processed_once(database: DatabaseKind) {
    let count = scaled(10_000, 1_000);
    let fixture = start_fixture(database).await;
    let workload = Workload::new(&fixture.sandbox, count, &mut SeededRng::new("dead letters"));
    let store = open_store(&fixture.database.url()).await;
    let all: Vec<_> = workload.deliveries.iter().map(|delivery| new_delivery(delivery, "ghl", &delivery.id)).collect();
    for batch in all.chunks(1_000) {
        store.put(batch).await.unwrap();
    }
    let dead = fixture.database.execute("UPDATE inbox SET state = 2, attempts = 6, error = 'it was poison'").await;
    assert_eq!(dead, count as u64);
    let _server = fixture.serve().await;
    let (list, operator) = (format!("{}/api/organizations/{ORGANIZATION}/dead-letters", fixture.url()), "operator");
    let page: Value = {
        let response = fixture.http.get(&list).bearer_auth(operator).send().await.unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    };
    let one = format!("{list}/{}/redrive", page["items"][0]["id"].as_str().unwrap());
    assert_eq!(fixture.http.post(&one).bearer_auth(operator).send().await.unwrap().status(), 202);
    fixture.wait_for_empty_inbox(WAIT_TIMEOUT).await;
    assert_eq!(fixture.count("SELECT count(*) FROM event_log").await, 1, "only the redriven one is processed");
    let clock = SystemClock::new();
    let mut command = fixture.command(&["dead-letters", "redrive", "--all"]);
    assert!(command.wait_for_exit(WAIT_TIMEOUT * 5).await.success(), "{}", command.log());
    let due = clock.monotonic();
    fixture.wait_for_empty_inbox(WAIT_TIMEOUT * 5).await;
    let done = clock.monotonic();
    let repeated = workload.deliveries[0].post(&fixture.http, &fixture.webhook_url()).await.unwrap();
    let repeated: Value = serde_json::from_slice(&repeated.bytes().await.unwrap()).unwrap();
    let acknowledged: BTreeSet<_> = workload.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
    let faults = StoredEffects::read(&fixture).await.faults(&workload, &acknowledged);
    let reached =
        format!("{count} pending after {due:.1?}, processed after {done:.1?}, {faults:?}; a later copy is a duplicate");
    let ok = faults.is_empty() && repeated["duplicate"] == true && done <= WAIT_TIMEOUT;
    let id = format!("R16-redrive {database}");
    proof(&id, "10,000 dead letters (quick 1,000) redriven ≤ 60 s, one by the route; still deduped", reached, ok);
    assert_eq!((faults, &repeated["duplicate"]), (vec![], &json!(true)));
    assert!(done <= WAIT_TIMEOUT * 5, "{done:?}");
}

test_on_each_database!(a_poison_message_is_retried_on_schedule_and_blocks_no_other_key);

async fn a_poison_message_is_retried_on_schedule_and_blocks_no_other_key(database: DatabaseKind) {
    let fixture = start_fixture(database).await;
    let location = fixture.sandbox.ghl().location_ids().remove(0);
    let contact = |n: usize| {
        let body =
            json!({"type": "ContactUpdate", "locationId": location, "id": format!("contact{n:05}"), "firstName": "v1"});
        signed(&fixture.sandbox, body, SystemClock::new().now())
    };
    let store = open_store(&fixture.database.url()).await;
    // The server has no handler for this source.
    let poison = new_delivery(&contact(0), "unknown", "poisoned");
    store.put(std::slice::from_ref(&poison)).await.unwrap();
    let server = fixture.serve().await;
    let row = format!(
        "SELECT state, attempts, due_at, CAST(length(coalesce(error, '')) AS bigint) FROM inbox WHERE id = '{}'",
        poison.id
    );
    let (mut waits, mut others) = (Vec::new(), 0);
    loop {
        let clock = SystemClock::new();
        let (state, due) = loop {
            let (state, attempts, due, error) = fixture.database.rows::<(i64, i64, i64, i64)>(&row).await.remove(0);
            if state == 2 || (attempts == waits.len() as i64 + 1 && error > 0) {
                break (state, due);
            }
            assert!(clock.monotonic() < WAIT_TIMEOUT, "it is not retried:\n{}", server.log());
            clock.sleep(Duration::from_millis(10)).await;
        };
        // Deliveries of other keys are processed without delay.
        let response = contact(waits.len() + 1).post(&fixture.http, &fixture.webhook_url()).await.unwrap();
        assert_eq!(response.status(), 200);
        while fixture.count("SELECT count(*) FROM event_log WHERE source = 'ghl'").await == others {
            assert!(clock.monotonic() < WAIT_TIMEOUT, "deliveries of other keys wait for it");
            clock.sleep(Duration::from_millis(10)).await;
        }
        others += 1;
        if state == 2 {
            break;
        }
        waits.push(Duration::from_micros((due - SystemClock::new().now().as_micros()).unsigned_abs()).as_secs());
        fixture.database.execute("UPDATE inbox SET due_at = 0, error = NULL WHERE source = 'unknown'").await;
    }
    let schedule: Vec<_> = WorkerConfig::default().retries.iter().map(Duration::as_secs).collect();
    let near = |(wait, asked): (&u64, &u64)| asked.abs_diff(*wait) <= 4;
    let ok = waits.len() == schedule.len() && waits.iter().zip(&schedule).all(near);
    let id = format!("R16-poison {database}");
    let reached = format!("dead after {} attempts, waits of {waits:?} s, {others} others processed", waits.len() + 1);
    proof(&id, format!("retried after {schedule:?} s, then dead; blocks no other key"), reached, ok);
    assert!(ok, "{waits:?}");
}
