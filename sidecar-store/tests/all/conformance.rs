//! Conformance of every port on each database, and of the in-memory ports of the core.

mod in_memory {
    use std::sync::Arc;

    use sidecar_store::SqlStore;

    async fn memory() -> Arc<SqlStore> {
        crate::support::open("sqlite::memory:").await
    }
    sidecar_store::store_conformance!(memory);
}

mod on_a_file {
    use std::sync::Arc;

    use sidecar_store::SqlStore;

    async fn file() -> Arc<SqlStore> {
        crate::support::open(&crate::support::url()).await
    }
    sidecar_store::store_conformance!(file);
}

mod in_memory_store_of_the_core {
    use std::sync::Arc;

    use sidecar_core::token::MemoryStore;

    async fn memory() -> Arc<MemoryStore> {
        Arc::new(MemoryStore::new())
    }

    mod tokens {
        sidecar_store::token_store_conformance!(super::memory);
    }
    mod leases {
        sidecar_store::lease_store_conformance!(super::memory);
    }
}

mod on_postgres {
    use std::sync::Arc;

    use sidecar_store::SqlStore;

    async fn postgres() -> Arc<SqlStore> {
        crate::support::open(&crate::postgres::url().await).await
    }
    sidecar_store::store_conformance!(postgres);
}
