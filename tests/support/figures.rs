//! What a benchmark measured: a table to read and `target/bench/report.json`.

use serde_json::{Value, json};

use crate::proof::{replace, target};

/// One measured figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what: `rows/s`, `ms`, `ns`.
    pub unit: &'static str,
    /// What it has to reach (or to stay under), if anything.
    pub limit: Option<f64>,
    /// Beside what this machine can do at best, measured in the same run.
    pub ratio: Option<f64>,
}

/// The figures of a run.
#[derive(Debug, Default)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// Adds one.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) -> &mut Figure {
        self.0.push(Figure { name: name.into(), value, unit, limit: None, ratio: None });
        self.0.last_mut().unwrap()
    }

    /// Prints the table and joins the figures to the report; rows of the same name are replaced.
    pub fn report(&self) {
        let width = self.0.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
        let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), readable);
        println!("figure: {:width$}  {:>12} {:8} {:>10} {:>8}", "", "value", "unit", "limit", "ratio");
        for Figure { name, value, unit, limit, ratio } in &self.0 {
            let (value, limit, ratio) = (readable(*value), optional(*limit), optional(*ratio));
            println!("figure: {name:width$}  {value:>12} {unit:8} {limit:>10} {ratio:>8}");
        }
        let path = target("bench/report.json");
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
    /// What it has to reach or to stay under.
    pub fn limit(&mut self, limit: f64) -> &mut Self {
        self.limit = Some(limit);
        self
    }

    /// Beside `best`, what the machine can do.
    pub fn beside(&mut self, best: f64) -> &mut Self {
        self.ratio = Some(self.value / best);
        self
    }

    fn row(&self) -> Value {
        json!({"name": self.name, "value": self.value, "unit": self.unit, "limit": self.limit, "ratio": self.ratio})
    }
}

fn readable(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// The value that `share` (0 to 1) of the measured ones do not exceed; 0 when there are none.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or(0.0)
}
