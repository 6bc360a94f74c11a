//! Runs the conformance tests of each port. A store with all ports uses `sidecar_store::store_conformance!(new_store)` instead.
#![allow(clippy::unwrap_used, reason = "a test fails on the first error")]

use std::{path::Path, sync::Arc};

use bring_your_own_store::FileStore;
use sidecar_core::vault::{KeyRing, Vault};

async fn new_store() -> Arc<FileStore> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let ring = KeyRing::parse(&KeyRing::generate_entry("test").unwrap()).unwrap();
    Arc::new(FileStore::new(folder.join("store.json"), Vault::new(ring)))
}

mod tokens {
    sidecar_store::token_store_conformance!(super::new_store);
}
mod leases {
    sidecar_store::lease_store_conformance!(super::new_store);
}
mod processes {
    sidecar_store::process_conformance!(super::new_store);
}
