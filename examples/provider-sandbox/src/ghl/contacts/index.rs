//! The search index of one location: what searches see. It lags the truth, and it keeps one sorted view per asked
//! order, kept up to date change by change, so that a page costs what it holds and not what the location holds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Value, json};

use super::directory::Row;
use super::filter::Filter;

/// Most sorted views and counted filters that are kept; asking for more forgets the old ones.
const KEPT: usize = 12;

/// One field to sort by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SortField {
    pub(crate) field: &'static str,
    pub(crate) descending: bool,
}

/// A value to sort by; what is missing comes last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Sorted {
    Number(i64),
    Text(String),
    Missing,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Up(Sorted),
    Down(Reverse<Sorted>),
}

/// Where a row stands in an order: its sort values, then its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    parts: Vec<Part>,
    id: Arc<str>,
}

type Order = BTreeMap<Key, Arc<Row>>;

#[derive(Debug)]
struct Change {
    visible_ms: i64,
    number: u32,
    row: Option<Arc<Row>>,
}

/// What searches of one location see.
#[derive(Debug)]
pub(crate) struct Index {
    rows: Vec<Option<Arc<Row>>>,
    live: usize,
    pending: VecDeque<Change>,
    orders: HashMap<Vec<SortField>, Order>,
    totals: HashMap<String, usize>,
}

impl Index {
    pub(crate) fn new(rows: &[Arc<Row>]) -> Self {
        Self {
            rows: rows.iter().cloned().map(Some).collect(),
            live: rows.len(),
            pending: VecDeque::new(),
            orders: HashMap::new(),
            totals: HashMap::new(),
        }
    }

    /// Tells the index of a change that becomes visible at `visible_ms`.
    pub(crate) fn learn(&mut self, visible_ms: i64, number: u32, row: Option<Arc<Row>>) {
        self.pending.push_back(Change { visible_ms, number, row });
    }

    /// Makes waiting changes visible by `latest_ms` at the latest.
    pub(crate) fn hurry(&mut self, latest_ms: i64) {
        for change in &mut self.pending {
            change.visible_ms = change.visible_ms.min(latest_ms);
        }
    }

    /// Takes over the changes that are visible at `now_ms`.
    pub(crate) fn settle(&mut self, now_ms: i64) {
        while self.pending.front().is_some_and(|change| change.visible_ms <= now_ms) {
            let Some(change) = self.pending.pop_front() else { return };
            self.show(&change);
        }
    }

    /// How many rows `filter` lets through. `text` identifies the filter.
    pub(crate) fn total(&mut self, filter: &Filter, text: &str) -> usize {
        if filter.lets_all() {
            return self.live;
        }
        if let Some(total) = self.totals.get(text) {
            return *total;
        }
        let total = self.rows.iter().flatten().filter(|row| filter.accepts(row)).count();
        if self.totals.len() >= KEPT {
            self.totals.clear();
        }
        self.totals.insert(text.to_owned(), total);
        total
    }

    /// Rows in order after `cursor`, that `filter` lets through, skipping `skip`, at most `take`.
    pub(crate) fn page(
        &mut self,
        sort: &[SortField],
        cursor: Option<Key>,
        filter: &Filter,
        skip: usize,
        take: usize,
    ) -> Vec<Arc<Row>> {
        let start = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        self.order(sort)
            .range((start, Bound::Unbounded))
            .map(|(_, row)| row)
            .filter(|row| filter.accepts(row))
            .skip(skip)
            .take(take)
            .cloned()
            .collect()
    }

    fn order(&mut self, sort: &[SortField]) -> &Order {
        if self.orders.len() >= KEPT && !self.orders.contains_key(sort) {
            self.orders.clear();
        }
        let rows = &self.rows;
        self.orders
            .entry(sort.to_vec())
            .or_insert_with(|| rows.iter().flatten().map(|row| (Key::of(row, sort), row.clone())).collect())
    }

    fn show(&mut self, change: &Change) {
        let at = change.number as usize;
        if at >= self.rows.len() {
            self.rows.resize(at + 1, None);
        }
        let old = std::mem::replace(&mut self.rows[at], change.row.clone());
        for (sort, order) in &mut self.orders {
            if let Some(old) = &old {
                order.remove(&Key::of(old, sort));
            }
            if let Some(new) = &change.row {
                order.insert(Key::of(new, sort), new.clone());
            }
        }
        self.live = self.live + usize::from(change.row.is_some()) - usize::from(old.is_some());
        self.totals.clear();
    }
}

impl Key {
    /// Where `row` stands.
    pub(crate) fn of(row: &Row, sort: &[SortField]) -> Self {
        let parts = sort.iter().map(|by| by.part(by.value(row))).collect();
        Self { parts, id: row.id.clone() }
    }

    /// Reads a `searchAfter`; none when it does not fit the order.
    pub(crate) fn parse(cursor: &[Value], sort: &[SortField]) -> Option<Self> {
        let (id, values) = cursor.split_last()?;
        if values.len() != sort.len() {
            return None;
        }
        let parts: Option<Vec<Part>> =
            sort.iter().zip(values).map(|(by, value)| Some(by.part(by.read(value)?))).collect();
        Some(Self { parts: parts?, id: id.as_str()?.into() })
    }

    /// The `searchAfter` of a row that stands here.
    pub(crate) fn cursor(&self) -> Vec<Value> {
        let values = self.parts.iter().map(|part| match part {
            Part::Up(value) | Part::Down(Reverse(value)) => value.json(),
        });
        values.chain([json!(*self.id)]).collect()
    }
}

impl SortField {
    fn value(&self, row: &Row) -> Sorted {
        match self.field {
            "dateUpdated" => Sorted::Number(row.date_updated),
            "dateAdded" => Sorted::Number(row.date_added),
            "id" => Sorted::Text(row.id.to_string()),
            field => row.contact().text(field).map_or(Sorted::Missing, |text| Sorted::Text(text.to_lowercase())),
        }
    }

    fn read(&self, value: &Value) -> Option<Sorted> {
        match (self.field, value) {
            ("dateUpdated" | "dateAdded", _) => {
                value.as_i64().or_else(|| value.as_str()?.parse().ok()).map(Sorted::Number)
            }
            (_, Value::Null) => Some(Sorted::Missing),
            (_, Value::String(text)) => Some(Sorted::Text(text.clone())),
            _ => None,
        }
    }

    fn part(&self, value: Sorted) -> Part {
        if self.descending { Part::Down(Reverse(value)) } else { Part::Up(value) }
    }
}

impl Sorted {
    fn json(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
            Self::Missing => Value::Null,
        }
    }
}
