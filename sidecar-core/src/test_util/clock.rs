use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::time::{Clock, Timestamp};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
    monotonic: watch::Sender<Duration>,
}

impl ManualClock {
    /// A clock that says `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now), monotonic: watch::Sender::new(Duration::ZERO) }
    }

    /// Moves the time of day and the monotonic time forward, and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
        self.monotonic.send_modify(|time| *time += by);
    }

    /// Sets the time of day only, as a correction of the machine's clock does.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn monotonic(&self) -> Duration {
        *self.monotonic.borrow()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut time = self.monotonic.subscribe();
        let until = self.monotonic() + duration;
        Box::pin(async move {
            if time.wait_for(|now| *now >= until).await.is_err() {
                // The clock is gone: nobody can move it any more.
                std::future::pending::<()>().await;
            }
        })
    }
}
