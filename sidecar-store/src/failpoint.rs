/// Aborts the process here if a test asks for it, as `kill -9` would: `FAILPOINTS="store.commit.before=return"`. The other actions
/// of the `fail` crate (`sleep`, `pause`, `panic`) work too. Expands to nothing without the feature.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name, |_| std::process::abort());
    };
}

/// Returns `true` if a test asks for a fault: `FAILPOINTS="inbox.dedup=return"`. Always `false` without the feature.
macro_rules! fault {
    ($name:literal) => {{
        #[cfg(feature = "failpoints")]
        let requested = fail::eval($name, |_| ()).is_some();
        #[cfg(not(feature = "failpoints"))]
        let requested = false;
        requested
    }};
}

pub(crate) use {crash_point, fault};
