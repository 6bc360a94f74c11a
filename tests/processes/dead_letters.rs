//! What is given up (R16): poison is tried on schedule and stands in nobody's way, and what was given up is worked on when
//! it is made due again, once.

use std::{collections::BTreeSet, time::Duration};

use provider_sandbox::Sandbox;
use serde_json::{Value, json};
use sidecar_core::{
    Clock, SystemClock,
    queue::{WorkerConfig, inbox::NewDelivery},
};
use sidecar_tests::{Chance, Kind, ORGANIZATION, on_each_database, open_store, proof, scaled};

use crate::{
    sender::{Delivery, signed},
    server::{PATIENCE, Scene},
    story::{Ledger, Story},
};

/// As the inbox holds it.
fn kept(delivery: &Delivery, source: &'static str, order_key: &str) -> NewDelivery {
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

async fn scene(database: Kind) -> Scene {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    Scene::new(database, sandbox, &[("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())]).await
}

on_each_database!(what_was_given_up_is_worked_on_once_when_it_is_made_due_again);

async fn what_was_given_up_is_worked_on_once_when_it_is_made_due_again(database: Kind) {
    let count = scaled(10_000, 1_000);
    let scene = scene(database).await;
    let story = Story::new(&scene.sandbox, count, &mut Chance::new("dead letters"));
    let store = open_store(&scene.database.url()).await;
    let all: Vec<_> = story.deliveries.iter().map(|delivery| kept(delivery, "ghl", &delivery.id)).collect();
    for lot in all.chunks(1_000) {
        store.put(lot).await.unwrap();
    }
    let dead = scene.database.execute("UPDATE inbox SET state = 2, attempts = 6, error = 'it was poison'").await;
    assert_eq!(dead, count as u64);
    let _server = scene.serve().await;
    let (list, operator) = (format!("{}/api/organizations/{ORGANIZATION}/dead-letters", scene.url()), "operator");
    let page: Value = {
        let answer = scene.http.get(&list).bearer_auth(operator).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    };
    let one = format!("{list}/{}/redrive", page["items"][0]["id"].as_str().unwrap());
    assert_eq!(scene.http.post(&one).bearer_auth(operator).send().await.unwrap().status(), 202);
    scene.inbox_empties(PATIENCE).await;
    assert_eq!(scene.count("SELECT count(*) FROM event_log").await, 1, "the one that was asked for is done");
    let clock = SystemClock::new();
    let mut command = scene.command(&["dead-letters", "redrive", "--all"]);
    assert!(command.ended(PATIENCE * 5).await.success(), "{}", command.log());
    let due = clock.monotonic();
    scene.inbox_empties(PATIENCE * 5).await;
    let done = clock.monotonic();
    let again = story.deliveries[0].post(&scene.http, &scene.webhooks()).await.unwrap();
    let again: Value = serde_json::from_slice(&again.bytes().await.unwrap()).unwrap();
    let acknowledged: BTreeSet<_> = story.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
    let faults = Ledger::read(&scene).await.faults(&story, &acknowledged);
    let reached =
        format!("{count} due after {due:.1?}, worked on after {done:.1?}, {faults:?}; a later copy is a duplicate");
    let ok = faults.is_empty() && again["duplicate"] == true && done <= PATIENCE;
    let id = format!("R16-redrive {database}");
    proof(&id, "10,000 dead letters (quick 1,000) redriven ≤ 60 s, one by the route; still deduped", reached, ok);
    assert_eq!((faults, &again["duplicate"]), (vec![], &json!(true)));
    assert!(done <= PATIENCE * 5, "{done:?}");
}

on_each_database!(poison_is_tried_on_schedule_and_blocks_no_other_key);

async fn poison_is_tried_on_schedule_and_blocks_no_other_key(database: Kind) {
    let scene = scene(database).await;
    let location = scene.sandbox.ghl().location_ids().remove(0);
    let contact = |n: usize| {
        let body =
            json!({"type": "ContactUpdate", "locationId": location, "id": format!("contact{n:05}"), "firstName": "v1"});
        signed(&scene.sandbox, body, SystemClock::new().now())
    };
    let store = open_store(&scene.database.url()).await;
    // The server knows no such sender.
    let poison = kept(&contact(0), "nobody", "poisoned");
    store.put(std::slice::from_ref(&poison)).await.unwrap();
    let server = scene.serve().await;
    let stands = format!(
        "SELECT state, attempts, due_at, CAST(length(coalesce(error, '')) AS bigint) FROM inbox WHERE id = '{}'",
        poison.id
    );
    let (mut waits, mut others) = (Vec::new(), 0);
    loop {
        let clock = SystemClock::new();
        let (state, due) = loop {
            let (state, attempts, due, error) = scene.database.rows::<(i64, i64, i64, i64)>(&stands).await.remove(0);
            if state == 2 || (attempts == waits.len() as i64 + 1 && error > 0) {
                break (state, due);
            }
            assert!(clock.monotonic() < PATIENCE, "it is not tried:\n{}", server.log());
            clock.sleep(Duration::from_millis(10)).await;
        };
        // Whatever becomes of it, the others go on at once.
        let answer = contact(waits.len() + 1).post(&scene.http, &scene.webhooks()).await.unwrap();
        assert_eq!(answer.status(), 200);
        while scene.count("SELECT count(*) FROM event_log WHERE source = 'ghl'").await == others {
            assert!(clock.monotonic() < PATIENCE, "the others wait for it");
            clock.sleep(Duration::from_millis(10)).await;
        }
        others += 1;
        if state == 2 {
            break;
        }
        waits.push(Duration::from_micros((due - SystemClock::new().now().as_micros()).unsigned_abs()).as_secs());
        scene.database.execute("UPDATE inbox SET due_at = 0, error = NULL WHERE source = 'nobody'").await;
    }
    let schedule: Vec<_> = WorkerConfig::default().retries.iter().map(Duration::as_secs).collect();
    let near = |(wait, asked): (&u64, &u64)| asked.abs_diff(*wait) <= 4;
    let ok = waits.len() == schedule.len() && waits.iter().zip(&schedule).all(near);
    let id = format!("R16-poison {database}");
    let reached = format!("given up after {} attempts, waits of {waits:?} s, {others} others done", waits.len() + 1);
    proof(&id, format!("tried after {schedule:?} s, then given up; blocks no other key"), reached, ok);
    assert!(ok, "{waits:?}");
}
