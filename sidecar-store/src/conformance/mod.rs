//! Conformance tests for stores: one named `#[test]` per behaviour. A new store needs two lines.
//!
//! ```
//! async fn fresh() -> std::sync::Arc<dyn sidecar_store::Store> {
//!     // Returns a new, empty store on each call.
//! #   let keys = sidecar_core::SecretString::from("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
//! #   let ring = sidecar_core::vault::KeyRing::parse(&keys).unwrap();
//! #   let vault = sidecar_core::vault::Vault::new(ring);
//!     sidecar_store::open("sqlite::memory:", vault).await.unwrap()
//! }
//! sidecar_store::store_conformance!(fresh);
//! ```
//!
//! `token_store_conformance!`, `lease_store_conformance!`, `setting_conformance!` and `process_conformance!` take a store with
//! only that port. The others also need [`Records`](sidecar_core::commit::Records), whose commit finishes their rows.
//! Invariant: a behaviour uses only the ports, so it applies to every store.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failed behaviour panics its test")]

pub mod checkpoints;
mod fixtures;
pub mod inbox;
pub mod leases;
pub mod organizations;
pub mod outbox;
pub mod processes;
pub mod records;
pub mod scanned_ranges;
pub mod settings;
pub mod tokens;

/// Runs one behaviour on a new runtime, so that the tested crate needs no asynchronous test macro.
pub fn run<S, M: Future<Output = S>, B: Future<Output = ()>>(make: impl FnOnce() -> M, behaviour: impl FnOnce(S) -> B) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { behaviour(make().await).await });
}

/// Defines behaviours, and the macro that declares a test for each.
macro_rules! behaviours {
    ($d:tt $conformance:ident, $module:ident, $port:ty: $($(#[$doc:meta])* async fn $name:ident($store:ident) $body:block)*) => {
        /// The port that these behaviours use.
        pub type Port = $port;

        $($(#[$doc])* pub async fn $name($store: std::sync::Arc<Port>) $body)*

        /// Declares one `#[test]` per behaviour of this port. Takes an `async fn` without arguments that returns an empty store
        /// in an `Arc`.
        #[macro_export]
        macro_rules! $conformance {
            ($d make:path) => {
                $(
                    #[test]
                    fn $name() {
                        $crate::conformance::run(
                            || async { let store: std::sync::Arc<$crate::conformance::$module::Port> = $d make().await; store },
                            $crate::conformance::$module::$name,
                        );
                    }
                )*
            };
        }
    };
}
use behaviours;

/// Declares the tests of all ports, one module per port. Takes the name of an `async fn` without arguments that returns an empty
/// store in an `Arc`.
#[macro_export]
macro_rules! store_conformance {
    ($make:ident) => {
        mod tokens {
            $crate::token_store_conformance!(super::$make);
        }
        mod leases {
            $crate::lease_store_conformance!(super::$make);
        }
        mod inbox {
            $crate::inbox_conformance!(super::$make);
        }
        mod outbox {
            $crate::outbox_conformance!(super::$make);
        }
        mod checkpoints {
            $crate::checkpoint_conformance!(super::$make);
        }
        mod records {
            $crate::record_conformance!(super::$make);
        }
        mod scanned_ranges {
            $crate::scanned_range_conformance!(super::$make);
        }
        mod organizations {
            $crate::organization_conformance!(super::$make);
        }
        mod settings {
            $crate::setting_conformance!(super::$make);
        }
        mod processes {
            $crate::process_conformance!(super::$make);
        }
    };
}
