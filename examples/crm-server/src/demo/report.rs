//! The report of the demo: a table for people, one JSON object for programs.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Map, Value, json};

/// The counts of a step, in the order of the report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts(Vec<(&'static str, u64)>);

impl Counts {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn with(mut self, name: &'static str, count: impl TryInto<u64>) -> Self {
        self.0.push((name, count.try_into().unwrap_or(u64::MAX)));
        self
    }
}

/// The outcome of a step.
#[derive(Debug, Clone)]
pub(super) struct StepReport {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) outcome: Result<Counts, String>,
    pub(super) took: Duration,
}

/// The outcome of the scenario.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) contacts: u32,
    pub(super) steps: Vec<StepReport>,
}

impl Report {
    pub(super) fn is_ok(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.outcome.is_ok())
    }

    /// `{ok, seed, contacts, ms, steps: [{name, ok, counts, ms, error?}]}`.
    pub(super) fn to_json(&self) -> Value {
        let took: Duration = self.steps.iter().map(|step| step.took).sum();
        json!({
            "ok": self.is_ok(), "seed": self.seed, "contacts": self.contacts, "ms": millis(took),
            "steps": self.steps.iter().map(StepReport::to_json).collect::<Vec<_>>(),
        })
    }

    /// Returns a table with one line per step.
    pub(super) fn table(&self) -> String {
        let width = self.steps.iter().map(|step| step.title.len()).max().unwrap_or(0);
        let mut table = String::new();
        for step in &self.steps {
            let (mark, what) = match &step.outcome {
                Ok(Counts(counts)) => {
                    let texts: Vec<String> =
                        counts.iter().map(|(name, count)| format!("{count} {}", label(name))).collect();
                    ("ok    ", texts.join(", "))
                }
                Err(why) => ("FAILED", why.clone()),
            };
            // Writing to a string cannot fail.
            let _ =
                writeln!(table, "{mark}  {:<width$}  {:>7}  {what}", step.title, format!("{} ms", millis(step.took)));
        }
        table
    }
}

impl StepReport {
    fn to_json(&self) -> Value {
        let mut step = json!({ "name": self.name, "ok": self.outcome.is_ok(), "ms": millis(self.took) });
        match &self.outcome {
            Ok(Counts(counts)) => {
                let counts: Map<String, Value> =
                    counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
                step["counts"] = Value::Object(counts);
            }
            Err(why) => step["error"] = json!(why),
        }
        step
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `token_refreshes` → `token refreshes`.
fn label(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Result<Counts, String>) -> Report {
        let step = StepReport { name: "full_sync", title: "full sync", outcome, took: Duration::from_millis(1_500) };
        Report { seed: 1, contacts: 2_000, steps: vec![step] }
    }

    #[test]
    fn a_passed_scenario_shows_its_counts() {
        let report = report(Ok(Counts::new().with("contacts", 2_000_usize).with("search_pages", 20_u64)));
        assert!(report.is_ok());
        assert_eq!(report.table(), "ok      full sync  1500 ms  2000 contacts, 20 search pages\n");
        assert_eq!(
            report.to_json(),
            json!({"ok": true, "seed": 1, "contacts": 2000, "ms": 1500, "steps": [
                {"name": "full_sync", "ok": true, "ms": 1500, "counts": {"contacts": 2000, "search_pages": 20}}]})
        );
    }

    #[test]
    fn a_failed_step_fails_the_scenario_and_says_why() {
        let report = report(Err("one contact is missing".to_owned()));
        assert!(!report.is_ok());
        assert!(report.table().starts_with("FAILED  full sync"), "{}", report.table());
        assert_eq!(report.to_json()["steps"][0]["error"], "one contact is missing");
    }

    #[test]
    fn a_scenario_without_steps_fails() {
        assert!(!Report::default().is_ok());
    }
}
