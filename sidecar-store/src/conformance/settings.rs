//! [`SettingsStore`]: documents are replaced whole, by whoever knows what is there, and a forgotten one stays forgotten.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{behaviours, make::org};
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
    /// A document comes back as it was put, whatever its text.
    async fn a_setting_comes_back_whole(store) {
        assert_eq!(found(&*store).await, None);
        let text = "{\"a\":\"ß\0\u{1F600}\"}";
        assert!(put(&*store, 0, text).await);
        assert_eq!(found(&*store).await, is(1, text));
    }

    /// Each organization and each name has its own.
    async fn settings_are_apart(store) {
        assert!(put(&*store, 0, "one").await);
        assert!(store.put_setting(&"org_2".into(), NAME, 0, &"two".into()).await.unwrap());
        assert!(store.put_setting(&org(), "other", 0, &"three".into()).await.unwrap());
        store.delete_setting(&"org_2".into(), NAME).await.unwrap();
        assert_eq!(found(&*store).await, is(1, "one"));
        assert!(store.setting(&"org_2".into(), NAME).await.unwrap().is_none());
        assert_eq!(store.setting(&org(), "other").await.unwrap().unwrap().value.expose_secret(), "three");
    }

    /// Only whoever knows the revision replaces; 0 never does.
    async fn a_setting_is_replaced_by_who_knows_its_revision(store) {
        assert!(!put(&*store, 1, "early").await);
        assert!(put(&*store, 0, "first").await);
        assert!(!put(&*store, 0, "again").await);
        assert!(put(&*store, 1, "second").await);
        assert!(!put(&*store, 1, "late").await);
        assert_eq!(found(&*store).await, is(2, "second"));
    }

    /// A change that was begun before it was forgotten does not bring it back, nor hit the one made anew.
    async fn revisions_grow_over_a_forgetting(store) {
        assert!(put(&*store, 0, "first").await);
        store.delete_setting(&org(), NAME).await.unwrap();
        store.delete_setting(&org(), NAME).await.unwrap();
        assert_eq!(found(&*store).await, None);
        assert!(!put(&*store, 1, "late").await);
        assert!(put(&*store, 0, "anew").await);
        let (revision, value) = found(&*store).await.unwrap();
        assert!(revision > 1 && value == "anew", "{revision} {value}");
        assert!(!put(&*store, 1, "late").await);
    }

    /// Of many who change one revision at once one does.
    async fn of_many_changes_one_is_written(store) {
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
