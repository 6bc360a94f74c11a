/// A place where a test may end the process as `kill -9` would: `FAILPOINTS="store.commit.before=return"`. Other actions
/// of the `fail` crate (`sleep`, `pause`, `panic`, with counts and shares) work too. Nothing without the feature.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name, |_| std::process::abort());
    };
}

/// Whether a test asks for a fault: `FAILPOINTS="inbox.dedup=return"`. Always `false` without the feature.
macro_rules! fault {
    ($name:literal) => {{
        #[cfg(feature = "failpoints")]
        let asked = fail::eval($name, |_| ()).is_some();
        #[cfg(not(feature = "failpoints"))]
        let asked = false;
        asked
    }};
}

pub(crate) use {crash_point, fault};
