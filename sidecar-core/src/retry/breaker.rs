//! A circuit breaker: after many failures in a row, calls are rejected for a while; then one probe is sent.
//!
//! Invariant: while the circuit is open, one probe per cool-down is sent. A probe that hangs does not delay the next one, so the
//! recovery of a silent provider is noticed as soon as any other.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Shared by clones. Times are those of [`Clock::monotonic`](crate::time::Clock::monotonic).
///
/// A failure is a broken connection, a timeout or a 5xx. Any other response, also a 4xx or 429, shows that the provider is up and
/// counts as a success.
#[derive(Clone)]
pub struct Breaker(Arc<Inner>);

struct Inner {
    threshold: u32,
    cool_down: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Duration,
    },
    /// A probe is in flight; if it hangs, another is sent at `next`.
    Probing {
        next: Duration,
    },
}

/// The circuit is open: nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider failed too often in a row; the next call is let through in {retry_in:?}")]
pub struct CircuitOpen {
    /// When to try again.
    pub retry_in: Duration,
}

/// Permission for one call; report the outcome to it. If it is dropped (a cancelled call), only the slot of the probe is released.
#[must_use = "tell the permit how the call went"]
pub struct Permit {
    breaker: Breaker,
    probe: bool,
}

impl Breaker {
    /// Returns a breaker that opens after `threshold` failures in a row (at least 1) for `cool_down`.
    pub fn new(threshold: u32, cool_down: Duration) -> Self {
        let state = Mutex::new(State::Closed { failures: 0 });
        Self(Arc::new(Inner { threshold: threshold.max(1), cool_down, state }))
    }

    /// Requests permission for a call.
    ///
    /// # Errors
    /// [`CircuitOpen`] while the circuit is open, or while its probe is in flight, for at most the cool-down.
    pub fn admit(&self, now: Duration) -> Result<Permit, CircuitOpen> {
        let (mut state, cool_down) = (self.state(), self.0.cool_down);
        let probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if now < until => return Err(CircuitOpen { retry_in: until - now }),
            // The duration of the probe is unknown; ten polls per cool-down cost nothing.
            State::Probing { next } if now < next => {
                return Err(CircuitOpen { retry_in: (next - now).min(cool_down / 10) });
            }
            State::Open { .. } | State::Probing { .. } => {
                *state = State::Probing { next: now.saturating_add(cool_down) };
                true
            }
        };
        Ok(Permit { breaker: self.clone(), probe })
    }

    /// Returns whether the circuit is closed.
    pub fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Breaker {
    /// 10 failures in a row, 5 s.
    fn default() -> Self {
        Self::new(10, Duration::from_secs(5))
    }
}

impl Permit {
    /// Records a success.
    pub fn success(mut self) {
        let probe = std::mem::take(&mut self.probe);
        let mut state = self.breaker.state();
        // A response to a call from before the circuit opened is outdated: only the probe closes it.
        if probe || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
    }

    /// Records a failure; `now` as for [`Breaker::admit`].
    pub fn failure(mut self, now: Duration) {
        let probe = std::mem::take(&mut self.probe);
        let Inner { threshold, cool_down, .. } = *self.breaker.0;
        let mut state = self.breaker.state();
        match *state {
            // The cool-down starts when the newest probe was sent, not when it failed.
            State::Probing { next } if probe => *state = State::Open { until: next },
            State::Closed { failures } if !probe && failures + 1 < threshold => {
                *state = State::Closed { failures: failures + 1 };
            }
            State::Closed { .. } if !probe => *state = State::Open { until: now.saturating_add(cool_down) },
            // A newer probe decides, or the call is from before the circuit opened.
            State::Closed { .. } | State::Open { .. } | State::Probing { .. } => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.probe {
            let mut state = self.breaker.state();
            if !matches!(*state, State::Closed { .. }) {
                *state = State::Open { until: Duration::ZERO };
            }
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breaker").field(&*self.state()).finish()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("probe", &self.probe).finish_non_exhaustive()
    }
}
