//! What every store must do, as tests: one named `#[test]` per behaviour, two lines for a store of your own.
//!
//! ```
//! async fn fresh() -> std::sync::Arc<dyn sidecar_store::Store> {
//!     // An empty store each time it is called.
//! #   let keys = sidecar_core::SecretString::from("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
//! #   let ring = sidecar_core::vault::KeyRing::parse(&keys).unwrap();
//! #   let vault = sidecar_core::vault::Vault::new(ring);
//!     sidecar_store::open("sqlite::memory:", vault).await.unwrap()
//! }
//! sidecar_store::store_conformance!(fresh);
//! ```
//!
//! `token_store_conformance!`, `lease_store_conformance!` and `setting_conformance!` take a store of that port alone. The others need
//! [`Records`](sidecar_core::commit::Records) beside their port, since rows are finished by its commit. Invariant: a
//! behaviour speaks to the ports only, so that it holds for every store.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a behaviour that does not hold fails its test by a panic"
)]

pub mod checkpoints;
pub mod inbox;
pub mod leases;
mod make;
pub mod organizations;
pub mod outbox;
pub mod processes;
pub mod records;
pub mod settings;
pub mod stretches;
pub mod tokens;

/// Runs one behaviour on a runtime of its own, so that the crate under test needs no asynchronous test macro.
pub fn run<S, M: Future<Output = S>, B: Future<Output = ()>>(make: impl FnOnce() -> M, behaviour: impl FnOnce(S) -> B) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { behaviour(make().await).await });
}

/// Defines behaviours, and from the same list the macro that makes tests of them.
macro_rules! behaviours {
    ($d:tt $conformance:ident, $module:ident, $port:ty: $($(#[$doc:meta])* async fn $name:ident($store:ident) $body:block)*) => {
        /// What these behaviours speak to.
        pub type Port = $port;

        $($(#[$doc])* pub async fn $name($store: std::sync::Arc<Port>) $body)*

        /// One `#[test]` per behaviour of this port. Takes an `async fn` without arguments that gives an empty store in an
        /// `Arc`.
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

/// The behaviours of all ports, a module of tests for each. Takes an `async fn` without arguments, named by a path, that
/// gives an empty store in an `Arc`.
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
        mod stretches {
            $crate::stretch_conformance!(super::$make);
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
