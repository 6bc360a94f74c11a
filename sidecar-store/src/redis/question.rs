//! What the limits' script is asked, and what it answers.

use std::time::Duration;

use redis::{Script, ScriptInvocation};
use sidecar_core::rate_limit::{Feedback, Priority, Quota, Scope, Usage};

use super::link::Failure;

/// Longer spans and waits are taken as this, so that the script's numbers stay exact.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// The slowest pace, as in process: one call a day.
const SLOWEST: f64 = 1.0 / 86_400.0;
/// Numbers that the script gives of each scope.
const FIGURES: usize = 5;

/// The script, and where its keys are.
#[derive(Debug)]
pub(super) struct Desk {
    script: Script,
    /// What keys begin with. The braces are the hash tag.
    keys: String,
}

/// A budget as this process knows it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) used: u32,
    pub(super) resets_in: Duration,
}

/// What the script said.
#[derive(Debug)]
pub(super) enum Answer {
    /// The scope of this index is counted in another way already.
    Clash(usize),
    Figures {
        /// Zero: it may go (and was counted, where that was asked).
        wait: Duration,
        /// How long this Redis has been counting.
        age: Duration,
        scopes: Vec<Figures>,
    },
}

/// How a scope stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) limit: u32,
    pub(super) used: u32,
    /// When a budget starts anew.
    pub(super) reset: Option<Duration>,
    /// How long the server closed it.
    pub(super) closed: Option<Duration>,
    /// When nothing counts any more.
    pub(super) busy: Option<Duration>,
}

impl Desk {
    pub(super) fn new(prefix: &str) -> Self {
        Self { script: Script::new(include_str!("limit.lua")), keys: format!("{{{prefix}limit}}:") }
    }

    /// Takes a call from every scope, or nothing.
    pub(super) fn take(
        &self,
        scopes: &[Scope],
        lane: Priority,
        known: impl Fn(&Scope) -> Known,
    ) -> ScriptInvocation<'_> {
        self.question("take", scopes, lane, known)
    }

    /// How scopes stand.
    pub(super) fn look(&self, scopes: &[Scope], known: impl Fn(&Scope) -> Known) -> ScriptInvocation<'_> {
        self.question("look", scopes, Priority::Interactive, known)
    }

    /// Takes in what a server said.
    pub(super) fn observe(&self, feedback: &Feedback, known: impl Fn(&Scope) -> Known) -> ScriptInvocation<'_> {
        let scope = std::slice::from_ref(&feedback.scope);
        let mut question = self.question("observe", scope, Priority::Interactive, known);
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        let time = |time: Option<Duration>| time.map(|time| millis(time).to_string()).unwrap_or_default();
        question.arg(number(feedback.limit)).arg(number(feedback.remaining));
        question.arg(time(feedback.reset_after)).arg(time(feedback.retry_after)).arg(time(feedback.took));
        question
    }

    fn question(
        &self,
        operation: &str,
        scopes: &[Scope],
        lane: Priority,
        known: impl Fn(&Scope) -> Known,
    ) -> ScriptInvocation<'_> {
        let mut question = self.script.key(format!("{}since", self.keys));
        question.arg(operation).arg(if lane == Priority::Background { "background" } else { "interactive" });
        for scope in scopes {
            let (kind, first, second) = match scope.quota() {
                Quota::SlidingWindow { limit, span } => ("window", f64::from(limit), millis(span)),
                Quota::FixedWindow { limit, span } => ("budget", f64::from(limit), millis(span)),
                Quota::TokenBucket { per_second, burst } => ("pace", period(per_second), f64::from(burst.max(1))),
            };
            let known = if kind == "budget" { known(scope) } else { Known::default() };
            question.key(format!("{}{}", self.keys, scope.key()));
            question.arg(kind).arg(first.to_string()).arg(second.to_string());
            question.arg(known.used).arg(millis(known.resets_in).to_string());
        }
        question
    }
}

impl Answer {
    pub(super) fn read(numbers: &[i64], scopes: usize) -> Result<Self, Failure> {
        match numbers {
            [clash] if *clash < 0 => {
                let index = usize::try_from(clash.unsigned_abs() - 1).ok().filter(|index| *index < scopes);
                index.map(Self::Clash).ok_or(Failure::Strange)
            }
            [wait, age, figures @ ..] if figures.len() == scopes * FIGURES => {
                let scopes = figures.chunks_exact(FIGURES).filter_map(Figures::read).collect();
                Ok(Self::Figures { wait: micros(*wait), age: micros(*age), scopes })
            }
            _ => Err(Failure::Strange),
        }
    }
}

impl Figures {
    pub(super) fn usage(&self) -> Usage {
        Usage { used: self.used, limit: self.limit, resets_in: self.busy }
    }

    fn read(numbers: &[i64]) -> Option<Self> {
        let [limit, used, reset, closed, busy] = *numbers else { return None };
        let count = |number: i64| u32::try_from(number.max(0)).unwrap_or(u32::MAX);
        let time = |number: i64| Some(micros(number)).filter(|time| !time.is_zero());
        Some(Self {
            limit: count(limit),
            used: count(used),
            reset: time(reset),
            closed: time(closed),
            busy: time(busy),
        })
    }
}

fn millis(time: Duration) -> f64 {
    time.min(LONGEST).as_secs_f64() * 1_000.0
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Milliseconds between two calls.
fn period(per_second: f64) -> f64 {
    1_000.0 / if per_second.is_finite() { per_second.max(SLOWEST) } else { SLOWEST }
}
