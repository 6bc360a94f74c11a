//! The outbox's worker on a SQLite file: tasks side by side, which share one connection that writes.

use std::{borrow::Cow, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use sidecar_core::{
    Clock, SystemClock, Timestamp,
    commit::Batch,
    queue::{
        WorkerConfig,
        outbox::{Dedup, NewTask, OutboxWorker, Task, TaskHandler, TaskOutcome},
    },
};
use sidecar_tests::{Home, Kind, ORGANIZATION, on_each_database, open_store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Waits a little for "another system", a different time for each task.
#[derive(Debug)]
struct Handler;

#[async_trait]
impl TaskHandler for Handler {
    fn kinds(&self) -> &[&'static str] {
        &["test.task"]
    }

    async fn execute(&self, task: &Task) -> TaskOutcome {
        let wait = task.payload["n"].as_u64().unwrap() * 7 % 11;
        SystemClock::new().sleep(Duration::from_millis(wait)).await;
        TaskOutcome::done()
    }
}

fn task(n: usize) -> NewTask {
    NewTask {
        organization: ORGANIZATION.into(),
        kind: Cow::Borrowed("test.task"),
        key: format!("task:{n}").into(),
        order_key: format!("key:{}", n % 40).into(),
        payload: json!({"n": n}),
        not_before: Timestamp::EPOCH,
        dedup: Dedup::Once,
    }
}

on_each_database!(tasks_side_by_side_do_not_lock_each_other_out_of_the_store);

async fn tasks_side_by_side_do_not_lock_each_other_out_of_the_store(database: Kind) {
    let home = Home::new(database).await;
    let store = open_store(&home.url()).await;
    store.commit(Batch { outbox: (0..400).map(task).collect(), ..Batch::default() }).await.unwrap();
    let (clock, wake, stop) = (SystemClock::shared(), Arc::new(Notify::new()), CancellationToken::new());
    let config = WorkerConfig::default();
    let worker = OutboxWorker::new(store.clone(), store.clone(), Arc::new(Handler), clock.clone(), config, wake);
    let watch = async {
        while store.waiting_tasks().await.unwrap() != (0, 0) {
            clock.sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
    };
    tokio::join!(worker.run(stop.clone()), watch);
    // A caller waits 10 s for the store's connection: one that was locked out shows.
    assert!(clock.monotonic() < Duration::from_secs(9), "400 tasks took {:?}", clock.monotonic());
}
