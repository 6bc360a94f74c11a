//! Stores for tests, one per test, deleted when the test ends.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use sidecar_core::{
    SecretString,
    vault::{KeyRing, Vault},
};
use sidecar_store::SqlStore;

pub(crate) const OLD_KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

thread_local! {
    /// Dropped with the thread of the test, which deletes the folders.
    static FOLDERS: RefCell<Vec<Folder>> = const { RefCell::new(Vec::new()) };
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Creates a folder that is deleted when the test ends.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    FOLDERS.with_borrow_mut(|folders| folders.push(Folder(path.clone())));
    path
}

/// Returns the URL of a new database file.
pub(crate) fn url() -> String {
    format!("sqlite://{}/store.db", folder().display())
}

pub(crate) fn vault(keys: &str) -> Vault {
    Vault::new(KeyRing::parse(&SecretString::from(keys)).unwrap())
}

pub(crate) async fn open(url: &str) -> Arc<SqlStore> {
    sidecar_store::open(url, vault(OLD_KEY)).await.unwrap()
}
