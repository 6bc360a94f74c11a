//! The outbox worker with concurrent tasks that share the one write connection of a store.

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
use sidecar_tests::{DatabaseKind, ORGANIZATION, TestDatabase, open_store, test_on_each_database};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Simulates a call to another system, with a different duration for each task.
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

test_on_each_database!(concurrent_tasks_do_not_starve_each_other_of_the_connection);

async fn concurrent_tasks_do_not_starve_each_other_of_the_connection(database: DatabaseKind) {
    let test_database = TestDatabase::new(database).await;
    let store = open_store(&test_database.url()).await;
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
    // A caller waits 10 s for the connection of the store, so starvation shows as a longer run.
    assert!(clock.monotonic() < Duration::from_secs(9), "400 tasks took {:?}", clock.monotonic());
}
