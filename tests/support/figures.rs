//! What a benchmark measured: a table to read and a report for machines.

use serde_json::{Value, json};

use crate::proof::{replace, target};

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Asked {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Asked {
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

/// One measured figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what: `rows/s`, `ms`, `ns`.
    pub unit: &'static str,
    /// What it has to be, if anything.
    pub asked: Option<Asked>,
    /// Beside what this machine can do at best, measured in the same run.
    pub ratio: Option<f64>,
    /// What that ratio has to be, if anything.
    pub asked_ratio: Option<Asked>,
    /// Every round's value, when there were several.
    pub rounds: Vec<f64>,
}

/// The figures of a run.
#[derive(Debug, Default)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// Adds one.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) -> &mut Figure {
        let name = name.into();
        self.0.push(Figure { name, value, unit, asked: None, ratio: None, asked_ratio: None, rounds: Vec::new() });
        self.0.last_mut().unwrap()
    }

    /// Adds the largest of several rounds.
    pub fn most(&mut self, name: impl Into<String>, rounds: Vec<f64>, unit: &'static str) -> &mut Figure {
        let best = rounds.iter().copied().fold(0.0, f64::max);
        let figure = self.add(name, best, unit);
        figure.rounds = rounds;
        figure
    }

    /// Adds the smallest of several rounds.
    pub fn least(&mut self, name: impl Into<String>, rounds: Vec<f64>, unit: &'static str) -> &mut Figure {
        let best = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let figure = self.add(name, best, unit);
        figure.rounds = rounds;
        figure
    }

    /// Adds the one in the middle of several rounds.
    pub fn middle(&mut self, name: impl Into<String>, rounds: Vec<f64>, unit: &'static str) -> &mut Figure {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let figure = self.add(name, percentile(&sorted, 0.5), unit);
        figure.rounds = rounds;
        figure
    }

    /// Forgets what was asked for: figures of a smoke run are not judged.
    pub fn unjudged(&mut self) {
        for figure in &mut self.0 {
            (figure.asked, figure.asked_ratio) = (None, None);
        }
    }

    /// Prints the table and joins the figures to the report `target/bench/NAME.json`; rows of the same name are replaced.
    pub fn report(&self, name: &str) {
        let width = self.0.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        let titles = ["value", "unit", "asked", "ratio", "asked", "", "rounds"].map(str::to_owned);
        print(width, "", titles);
        self.0.iter().for_each(|figure| print(width, &figure.name, figure.cells()));
        self.join(name);
    }

    fn join(&self, name: &str) {
        let path = target(&format!("bench/{name}.json"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let old: Value =
            std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
        let kept = old["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|row| !self.0.iter().any(|new| row["name"] == new.name.as_str()));
        let mut rows: Vec<Value> = kept.cloned().collect();
        rows.extend(self.0.iter().map(Figure::row));
        replace(&path, &json!({"rows": rows}));
    }
}

impl Figure {
    /// It has to be this or more.
    pub fn at_least(&mut self, least: f64) -> &mut Self {
        self.asked = Some(Asked::AtLeast(least));
        self
    }

    /// It has to be this or less.
    pub fn at_most(&mut self, most: f64) -> &mut Self {
        self.asked = Some(Asked::AtMost(most));
        self
    }

    /// Beside `best`, what the machine can do.
    pub fn beside(&mut self, best: f64) -> &mut Self {
        self.ratio = Some(self.value / best);
        self
    }

    /// What the ratio has to be.
    pub fn ratio(&mut self, asked: Asked) -> &mut Self {
        self.asked_ratio = Some(asked);
        self
    }

    /// Whether what was asked for is reached; none when nothing was.
    pub fn is_reached(&self) -> Option<bool> {
        let value = self.asked.map(|asked| asked.is_reached(self.value));
        let ratio = self.asked_ratio.zip(self.ratio).map(|(asked, ratio)| asked.is_reached(ratio));
        value.into_iter().chain(ratio).reduce(|one, other| one && other)
    }

    fn cells(&self) -> [String; 7] {
        let asked = |asked: Option<Asked>| asked.map_or_else(String::new, Asked::readable);
        let verdict = self.is_reached().map_or("", |reached| if reached { "ok" } else { "MISS" });
        [
            readable(self.value),
            self.unit.to_owned(),
            asked(self.asked),
            self.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            asked(self.asked_ratio),
            verdict.to_owned(),
            self.rounds.iter().map(|value| readable(*value)).collect::<Vec<_>>().join(" "),
        ]
    }

    fn row(&self) -> Value {
        let asked = |asked: Option<Asked>| match asked {
            None => Value::Null,
            Some(Asked::AtLeast(least)) => json!({"at_least": least}),
            Some(Asked::AtMost(most)) => json!({"at_most": most}),
        };
        json!({
            "name": self.name, "value": self.value, "unit": self.unit, "asked": asked(self.asked), "ratio": self.ratio,
            "asked_ratio": asked(self.asked_ratio), "reached": self.is_reached(), "rounds": self.rounds,
        })
    }
}

fn print(width: usize, name: &str, [value, unit, asked, ratio, asked_ratio, verdict, rounds]: [String; 7]) {
    println!("figure: {name:width$} {value:>9} {unit:8} {asked:>10} {ratio:>6} {asked_ratio:>8} {verdict:4} {rounds}");
}

fn readable(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The value that `share` (0 to 1) of the measured ones do not exceed; 0 when there are none.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or(0.0)
}
