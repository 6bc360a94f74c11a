//! [`SettingsStore`]: documents are replaced by compare-and-swap, and a deleted document stays deleted.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{behaviours, fixtures::org};
use crate::SettingsStore;

const NAME: &str = "calcom";

async fn put(store: &dyn SettingsStore, expected: u64, value: &str) -> bool {
    store.put_setting(&org(), NAME, expected, &SecretString::from(value)).await.unwrap()
}

async fn found(store: &dyn SettingsStore) -> Option<(u64, String)> {
    let setting = store.setting(&org(), NAME).await.unwrap();
    setting.map(|setting| (setting.revision, setting.value.expose_secret().to_owned()))
}

fn is(revision: u64, value: &str) -> Option<(u64, String)> {
    Some((revision, value.to_owned()))
}

behaviours! { $ setting_conformance, settings, dyn SettingsStore:
    /// A document is returned as it was stored.
    async fn a_setting_is_returned_whole(store) {
        assert_eq!(found(&*store).await, None);
        let text = "{\"a\":\"ß\0\u{1F600}\"}";
        assert!(put(&*store, 0, text).await);
        assert_eq!(found(&*store).await, is(1, text));
    }

    /// Settings are separate per organization and name.
    async fn settings_are_isolated(store) {
        assert!(put(&*store, 0, "one").await);
        assert!(store.put_setting(&"org_2".into(), NAME, 0, &"two".into()).await.unwrap());
        assert!(store.put_setting(&org(), "other", 0, &"three".into()).await.unwrap());
        store.delete_setting(&"org_2".into(), NAME).await.unwrap();
        assert_eq!(found(&*store).await, is(1, "one"));
        assert!(store.setting(&"org_2".into(), NAME).await.unwrap().is_none());
        assert_eq!(store.setting(&org(), "other").await.unwrap().unwrap().value.expose_secret(), "three");
    }

    /// Only the current revision replaces a document; 0 never does.
    async fn only_the_current_revision_replaces_a_setting(store) {
        assert!(!put(&*store, 1, "early").await);
        assert!(put(&*store, 0, "first").await);
        assert!(!put(&*store, 0, "again").await);
        assert!(put(&*store, 1, "second").await);
        assert!(!put(&*store, 1, "late").await);
        assert_eq!(found(&*store).await, is(2, "second"));
    }

    /// A change of a deleted document neither restores it nor affects a new one.
    async fn revisions_continue_after_a_deletion(store) {
        assert!(put(&*store, 0, "first").await);
        store.delete_setting(&org(), NAME).await.unwrap();
        store.delete_setting(&org(), NAME).await.unwrap();
        assert_eq!(found(&*store).await, None);
        assert!(!put(&*store, 1, "late").await);
        assert!(put(&*store, 0, "new").await);
        let (revision, value) = found(&*store).await.unwrap();
        assert!(revision > 1 && value == "new", "{revision} {value}");
        assert!(!put(&*store, 1, "late").await);
    }

    /// One of several concurrent changes of a revision is written.
    async fn one_of_many_changes_is_written(store) {
        assert!(put(&*store, 0, "first").await);
        let changes = (0..16).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { put(&*store, 1, &n.to_string()).await })
        });
        let mut written = 0;
        for change in changes.collect::<Vec<_>>() {
            written += usize::from(change.await.unwrap());
        }
        assert_eq!(written, 1);
        assert_eq!(found(&*store).await.unwrap().0, 2);
    }
}
