//! Two lines for each port: how an empty store is made, and which behaviours it has to show. A store of every port takes
//! `sidecar_store::store_conformance!(fresh)` instead.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{path::Path, sync::Arc};

use bring_your_own_store::FileStore;
use sidecar_core::vault::{KeyRing, Vault};

async fn fresh() -> Arc<FileStore> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let ring = KeyRing::parse(&KeyRing::generate_entry("test").unwrap()).unwrap();
    Arc::new(FileStore::new(folder.join("store.json"), Vault::new(ring)))
}

mod tokens {
    sidecar_store::token_store_conformance!(super::fresh);
}
mod leases {
    sidecar_store::lease_store_conformance!(super::fresh);
}
mod processes {
    sidecar_store::process_conformance!(super::fresh);
}
