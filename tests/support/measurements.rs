//! Measurements of a benchmark, as a table and as a JSON report.

use serde_json::{Value, json};

use crate::proof::{replace, target};

/// The target of a measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The value or more.
    AtLeast(f64),
    /// The value or less.
    AtMost(f64),
}

impl Target {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }

    fn readable(self) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {}", readable(least)),
            Self::AtMost(most) => format!("≤ {}", readable(most)),
        }
    }
}

/// One measured value.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The name of the row.
    pub name: String,
    /// The value.
    pub value: f64,
    /// The unit: `rows/s`, `ms`, `ns`.
    pub unit: &'static str,
    /// The target; `None` if there is none.
    pub target: Option<Target>,
    /// The value divided by that of the reference measured in the same run.
    pub ratio: Option<f64>,
    /// The target of the ratio; `None` if there is none.
    pub ratio_target: Option<Target>,
    /// The value of each round, if there were several.
    pub rounds: Vec<f64>,
}

/// The measurements of a run.
#[derive(Debug, Default)]
pub struct Measurements(Vec<Measurement>);

impl Measurements {
    /// Adds a measurement.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) -> &mut Measurement {
        let name = name.into();
        self.0.push(Measurement {
            name,
            value,
            unit,
            target: None,
            ratio: None,
            ratio_target: None,
            rounds: Vec::new(),
        });
        self.0.last_mut().unwrap()
    }

    /// Adds the largest of several rounds.
    pub fn add_max(&mut self, name: impl Into<String>, rounds: Vec<f64>, unit: &'static str) -> &mut Measurement {
        let best = rounds.iter().copied().fold(0.0, f64::max);
        let measurement = self.add(name, best, unit);
        measurement.rounds = rounds;
        measurement
    }

    /// Adds the smallest of several rounds.
    pub fn add_min(&mut self, name: impl Into<String>, rounds: Vec<f64>, unit: &'static str) -> &mut Measurement {
        let best = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let measurement = self.add(name, best, unit);
        measurement.rounds = rounds;
        measurement
    }

    /// Adds the median of several rounds.
    pub fn add_median(&mut self, name: impl Into<String>, rounds: Vec<f64>, unit: &'static str) -> &mut Measurement {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let measurement = self.add(name, percentile(&sorted, 0.5), unit);
        measurement.rounds = rounds;
        measurement
    }

    /// Removes the targets: a smoke run does not judge its values.
    pub fn clear_targets(&mut self) {
        for measurement in &mut self.0 {
            (measurement.target, measurement.ratio_target) = (None, None);
        }
    }

    /// Prints the table and merges the rows into the report `target/bench/NAME.json`; rows of the same name are replaced.
    pub fn report(&self, name: &str) {
        let width = self.0.iter().map(|measurement| measurement.name.chars().count()).max().unwrap_or(0);
        let titles = ["value", "unit", "target", "ratio", "target", "", "rounds"].map(str::to_owned);
        print(width, "", titles);
        self.0.iter().for_each(|measurement| print(width, &measurement.name, measurement.cells()));
        self.merge_into_report(name);
    }

    fn merge_into_report(&self, name: &str) {
        let path = target(&format!("bench/{name}.json"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let old: Value =
            std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
        let unchanged = old["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|row| !self.0.iter().any(|new| row["name"] == new.name.as_str()));
        let mut rows: Vec<Value> = unchanged.cloned().collect();
        rows.extend(self.0.iter().map(Measurement::row));
        replace(&path, &json!({"rows": rows}));
    }
}

impl Measurement {
    /// Sets a minimum as the target.
    pub fn at_least(&mut self, least: f64) -> &mut Self {
        self.target = Some(Target::AtLeast(least));
        self
    }

    /// Sets a maximum as the target.
    pub fn at_most(&mut self, most: f64) -> &mut Self {
        self.target = Some(Target::AtMost(most));
        self
    }

    /// Sets the ratio to a reference value.
    pub fn relative_to(&mut self, reference: f64) -> &mut Self {
        self.ratio = Some(self.value / reference);
        self
    }

    /// Sets the target of the ratio.
    pub fn ratio_target(&mut self, target: Target) -> &mut Self {
        self.ratio_target = Some(target);
        self
    }

    /// Returns whether every target is reached; `None` without a target.
    pub fn is_reached(&self) -> Option<bool> {
        let value = self.target.map(|target| target.is_reached(self.value));
        let ratio = self.ratio_target.zip(self.ratio).map(|(target, ratio)| target.is_reached(ratio));
        value.into_iter().chain(ratio).reduce(|one, other| one && other)
    }

    fn cells(&self) -> [String; 7] {
        let text = |target: Option<Target>| target.map_or_else(String::new, Target::readable);
        let verdict = self.is_reached().map_or("", |reached| if reached { "ok" } else { "MISS" });
        [
            readable(self.value),
            self.unit.to_owned(),
            text(self.target),
            self.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            text(self.ratio_target),
            verdict.to_owned(),
            self.rounds.iter().map(|value| readable(*value)).collect::<Vec<_>>().join(" "),
        ]
    }

    fn row(&self) -> Value {
        let limit = |target: Option<Target>| match target {
            None => Value::Null,
            Some(Target::AtLeast(least)) => json!({"at_least": least}),
            Some(Target::AtMost(most)) => json!({"at_most": most}),
        };
        json!({
            "name": self.name, "value": self.value, "unit": self.unit, "target": limit(self.target), "ratio": self.ratio,
            "ratio_target": limit(self.ratio_target), "reached": self.is_reached(), "rounds": self.rounds,
        })
    }
}

fn print(width: usize, name: &str, [value, unit, target, ratio, ratio_target, verdict, rounds]: [String; 7]) {
    println!(
        "measurement: {name:width$} {value:>9} {unit:8} {target:>10} {ratio:>6} {ratio_target:>8} {verdict:4} {rounds}"
    );
}

fn readable(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Returns the value that `share` (0 to 1) of the sorted values do not exceed; 0 if there are none.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or(0.0)
}
