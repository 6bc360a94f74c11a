//! [`Checkpoints`](sidecar_core::sync::Checkpoints): due sources, progress, requests for full runs, and stops.

use std::time::Duration;

use serde_json::json;
use sidecar_core::{
    Timestamp,
    commit::Batch,
    sync::{CheckpointWrite, Mode, Phase, Progress, SyncHealth, SyncKey, SyncStatus},
};

use super::{
    behaviours,
    fixtures::{at, org, sync_key},
};
use crate::Store;

fn progress(mode: Mode) -> Progress {
    Progress {
        mode,
        phase: Phase::Confirming,
        cursor: Some(json!({"after": [1_700_000_000_000_i64, "c"]})),
        started_at: at(1),
        newest: Some(at(-5)),
        pages: 3,
        seen: 300,
    }
}

async fn write(store: &dyn Store, checkpoint: CheckpointWrite) {
    store.commit(Batch { checkpoint: Some(checkpoint), ..Batch::default() }).await.unwrap();
}

async fn finish(store: &dyn Store, mode: Mode) {
    let key = sync_key("l_1");
    write(store, CheckpointWrite::Finished { key, mode, at: at(50), watermark: Some(at(40)), next_run_at: at(950) })
        .await;
}

async fn status(store: &dyn Store) -> SyncStatus {
    store.status(&sync_key("l_1")).await.unwrap().unwrap()
}

async fn due(store: &dyn Store, now: Timestamp) -> Vec<String> {
    store.due(now, 10).await.unwrap().into_iter().map(|status| status.key.location.to_string()).collect()
}

behaviours! { $ checkpoint_conformance, checkpoints, dyn Store:
    /// A new source is due at once and has no history.
    async fn a_scheduled_source_is_due(store) {
        assert_eq!(store.status(&sync_key("l_1")).await.unwrap(), None);
        store.schedule(&sync_key("l_1"), at(0), false).await.unwrap();
        let expected = SyncStatus {
            key: sync_key("l_1"), progress: None, watermark: None, last_full_at: None, last_sync_at: None,
            health: SyncHealth::Healthy, error_count: 0, last_error: None, next_run_at: Some(at(0)), full_requested: false, force_requested: false,
        };
        assert_eq!(status(&*store).await, expected);
        assert_eq!(store.due(at(0), 10).await.unwrap(), [expected]);
        assert!(store.due(at(-1), 10).await.unwrap().is_empty());
    }

    /// The source that is overdue longest comes first.
    async fn the_longest_overdue_is_first(store) {
        for (location, when) in [("b", 5), ("a", 7), ("c", 1), ("d", 100)] {
            store.schedule(&sync_key(location), at(when), false).await.unwrap();
        }
        assert_eq!(due(&*store, at(10)).await, ["c", "b", "a"]);
        assert_eq!(store.due(at(10), 1).await.unwrap().len(), 1);
    }

    /// Returns the time until the next source is due, zero if it is overdue.
    async fn the_next_due_time_is_known(store) {
        assert_eq!(store.next_due(at(0)).await.unwrap(), None);
        store.schedule(&sync_key("a"), at(30), false).await.unwrap();
        store.schedule(&sync_key("b"), at(20), false).await.unwrap();
        assert_eq!(store.next_due(at(5)).await.unwrap(), Some(Duration::from_secs(15)));
        assert_eq!(store.next_due(at(25)).await.unwrap(), Some(Duration::ZERO));
        store.stop(&org(), None).await.unwrap();
        assert_eq!(store.next_due(at(5)).await.unwrap(), None);
    }

    /// The progress of a run is stored unchanged, and scheduling keeps it.
    async fn progress_is_stored(store) {
        store.schedule(&sync_key("l_1"), at(0), false).await.unwrap();
        write(&*store, CheckpointWrite::Progress(sync_key("l_1"), progress(Mode::Full))).await;
        store.schedule(&sync_key("l_1"), at(3), false).await.unwrap();
        let found = status(&*store).await;
        assert_eq!((found.progress, found.next_run_at), (Some(progress(Mode::Full)), Some(at(3))));
    }

    /// A failure is counted and stored, and the progress stays.
    async fn a_failure_keeps_the_progress(store) {
        store.schedule(&sync_key("l_1"), at(0), false).await.unwrap();
        write(&*store, CheckpointWrite::Progress(sync_key("l_1"), progress(Mode::Full))).await;
        for (why, retry) in [("reset", 30), ("502", 60)] {
            store.failed(&sync_key("l_1"), why, at(retry)).await.unwrap();
        }
        let found = status(&*store).await;
        assert_eq!((found.health, found.error_count, found.last_error.as_deref()), (SyncHealth::Error, 2, Some("502")));
        assert_eq!((found.next_run_at, found.progress), (Some(at(60)), Some(progress(Mode::Full))));
    }

    /// A successful run clears errors and progress.
    async fn a_finished_run_clears_errors_and_progress(store) {
        store.schedule(&sync_key("l_1"), at(0), true).await.unwrap();
        store.restart(&sync_key("l_1")).await.unwrap();
        store.failed(&sync_key("l_1"), "reset", at(1)).await.unwrap();
        write(&*store, CheckpointWrite::Progress(sync_key("l_1"), progress(Mode::Full))).await;
        finish(&*store, Mode::Full).await;
        let expected = SyncStatus {
            key: sync_key("l_1"), progress: None, watermark: Some(at(40)), last_full_at: Some(at(50)),
            last_sync_at: Some(at(50)), health: SyncHealth::Healthy, error_count: 0, last_error: None,
            next_run_at: Some(at(950)), full_requested: false, force_requested: false,
        };
        assert_eq!(status(&*store).await, expected);
    }

    /// An incremental run does not change the time of the last full run.
    async fn an_incremental_run_is_not_a_full_one(store) {
        store.schedule(&sync_key("l_1"), at(0), false).await.unwrap();
        finish(&*store, Mode::Incremental).await;
        assert_eq!((status(&*store).await.last_full_at, status(&*store).await.last_sync_at), (None, Some(at(50))));
    }

    /// A force request lasts until a full run that started after it succeeds, whatever else is scheduled.
    async fn a_force_request_lasts_until_a_full_run_succeeds(store) {
        store.schedule(&sync_key("l_1"), at(0), false).await.unwrap();
        store.force(&sync_key("l_1")).await.unwrap();
        store.schedule(&sync_key("l_1"), at(2), true).await.unwrap();
        finish(&*store, Mode::Incremental).await;
        let found = status(&*store).await;
        assert_eq!((found.full_requested, found.force_requested, found.next_run_at), (true, true, Some(at(2))));
        store.restart(&sync_key("l_1")).await.unwrap();
        assert!(status(&*store).await.force_requested, "for the run that starts");
        finish(&*store, Mode::Full).await;
        let found = status(&*store).await;
        assert_eq!((found.full_requested, found.force_requested), (false, false));
    }

    /// A run serves the requests from before its start, also after an interruption. Later requests stay.
    async fn a_request_during_a_full_run_outlives_it(store) {
        let restart = async || store.restart(&sync_key("l_1")).await.unwrap();
        store.schedule(&sync_key("l_1"), at(0), true).await.unwrap();
        restart().await;
        write(&*store, CheckpointWrite::Progress(sync_key("l_1"), progress(Mode::Full))).await;
        store.schedule(&sync_key("l_1"), at(2), true).await.unwrap();
        write(&*store, CheckpointWrite::Progress(sync_key("l_1"), progress(Mode::Full))).await;
        finish(&*store, Mode::Full).await;
        let found = status(&*store).await;
        assert_eq!((found.progress, found.full_requested, found.force_requested), (None, true, false));
        assert_eq!((found.next_run_at, found.last_full_at), (Some(at(2)), Some(at(50))));
        restart().await;
        // A restarted run serves the same request.
        restart().await;
        assert!(status(&*store).await.full_requested);
        finish(&*store, Mode::Full).await;
        assert_eq!((status(&*store).await.full_requested, status(&*store).await.next_run_at), (false, Some(at(950))));
    }

    /// A force request during a run applies to the next run and ends with it. It does not end with the current run, and it does
    /// not extend to a later request without force.
    async fn a_force_request_applies_to_the_next_run(store) {
        let restart = async || store.restart(&sync_key("l_1")).await.unwrap();
        store.schedule(&sync_key("l_1"), at(0), true).await.unwrap();
        restart().await;
        store.force(&sync_key("l_1")).await.unwrap();
        finish(&*store, Mode::Full).await;
        assert!(status(&*store).await.force_requested);
        restart().await;
        store.schedule(&sync_key("l_1"), at(2), true).await.unwrap();
        assert!(status(&*store).await.force_requested);
        finish(&*store, Mode::Full).await;
        let found = status(&*store).await;
        assert_eq!((found.full_requested, found.force_requested, found.next_run_at), (true, false, Some(at(2))));
    }

    /// A requested full run stays requested and due until one succeeds.
    async fn a_requested_full_run_stays_due_until_it_succeeds(store) {
        store.schedule(&sync_key("l_1"), at(0), true).await.unwrap();
        store.schedule(&sync_key("l_1"), at(2), false).await.unwrap();
        finish(&*store, Mode::Incremental).await;
        let found = status(&*store).await;
        assert_eq!((found.full_requested, found.next_run_at), (true, Some(at(2))));
        store.restart(&sync_key("l_1")).await.unwrap();
        finish(&*store, Mode::Full).await;
        let found = status(&*store).await;
        assert_eq!((found.full_requested, found.next_run_at), (false, Some(at(950))));
    }

    /// A restart clears the progress and keeps the history.
    async fn a_restart_clears_the_progress(store) {
        store.schedule(&sync_key("l_1"), at(0), false).await.unwrap();
        finish(&*store, Mode::Full).await;
        write(&*store, CheckpointWrite::Progress(sync_key("l_1"), progress(Mode::Incremental))).await;
        store.restart(&sync_key("l_1")).await.unwrap();
        let found = status(&*store).await;
        assert_eq!((found.progress, found.watermark, found.last_full_at), (None, Some(at(40)), Some(at(50))));
    }

    /// A stopped source is known and not due, in one location or all.
    async fn a_stopped_source_is_known_but_not_due(store) {
        for location in ["l_1", "l_2", ""] {
            store.schedule(&sync_key(location), at(0), false).await.unwrap();
        }
        let foreign = SyncKey::new("org_2", "GHL_CONTACTS", "x");
        store.schedule(&foreign, at(0), false).await.unwrap();
        store.stop(&org(), Some("l_1")).await.unwrap();
        assert_eq!(due(&*store, at(0)).await, ["", "l_2", "x"]);
        store.stop(&org(), None).await.unwrap();
        assert_eq!(due(&*store, at(0)).await, ["x"]);
        assert_eq!(status(&*store).await.next_run_at, None);
        assert_eq!(store.statuses(&org()).await.unwrap().len(), 3);
    }

    /// A run that ends or fails after the stop does not undo it; scheduling does.
    async fn a_stop_outlives_the_current_run(store) {
        store.schedule(&sync_key("l_1"), at(0), false).await.unwrap();
        store.stop(&org(), None).await.unwrap();
        write(&*store, CheckpointWrite::Progress(sync_key("l_1"), progress(Mode::Full))).await;
        finish(&*store, Mode::Full).await;
        store.failed(&sync_key("l_1"), "reset", at(60)).await.unwrap();
        assert_eq!(status(&*store).await.next_run_at, None);
        store.schedule(&sync_key("l_1"), at(70), false).await.unwrap();
        assert_eq!(due(&*store, at(70)).await, ["l_1"]);
    }

    /// Returns the sources of one organization in a stable order.
    async fn statuses_are_of_one_organization(store) {
        for (organization, source, location) in [("org_2", "A", ""), ("org_1", "B", "2"), ("org_1", "B", "1"), ("org_1", "A", "9")] {
            store.schedule(&SyncKey::new(organization, source, location), at(0), false).await.unwrap();
        }
        let found: Vec<_> = store.statuses(&org()).await.unwrap().into_iter().map(|status| status.key).collect();
        assert_eq!(found, [SyncKey::new("org_1", "A", "9"), SyncKey::new("org_1", "B", "1"), SyncKey::new("org_1", "B", "2")]);
    }
}
