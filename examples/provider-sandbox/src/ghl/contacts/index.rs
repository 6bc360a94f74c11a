//! The search index of a location, which shows changes with a lag. It caches one sorted map per sort order and updates it with every
//! change, so that the cost of a page depends on its size and not on the number of contacts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Value, json};

use super::contact_store::Row;
use super::filter::Filter;

/// Largest number of cached sort orders, and of cached totals. The cache is cleared when it is full.
const MAX_CACHED_QUERIES: usize = 12;

/// A field to sort by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SortField {
    pub(crate) field: &'static str,
    pub(crate) descending: bool,
}

/// A value to sort by; missing values come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum SortValue {
    Number(i64),
    Text(String),
    Missing,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum KeyPart {
    Ascending(SortValue),
    Descending(Reverse<SortValue>),
}

/// The sort key of a row: its sort values, then its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SortKey {
    parts: Vec<KeyPart>,
    id: Arc<str>,
}

type SortedRows = BTreeMap<SortKey, Arc<Row>>;

#[derive(Debug)]
struct Change {
    visible_ms: i64,
    number: u32,
    row: Option<Arc<Row>>,
}

/// The search index of one location.
#[derive(Debug)]
pub(crate) struct Index {
    rows: Vec<Option<Arc<Row>>>,
    live: usize,
    pending: VecDeque<Change>,
    sorted: HashMap<Vec<SortField>, SortedRows>,
    totals: HashMap<String, usize>,
}

impl Index {
    pub(crate) fn new(rows: &[Arc<Row>]) -> Self {
        Self {
            rows: rows.iter().cloned().map(Some).collect(),
            live: rows.len(),
            pending: VecDeque::new(),
            sorted: HashMap::new(),
            totals: HashMap::new(),
        }
    }

    /// Schedules a change for `visible_ms`.
    pub(crate) fn schedule(&mut self, visible_ms: i64, number: u32, row: Option<Arc<Row>>) {
        self.pending.push_back(Change { visible_ms, number, row });
    }

    /// Makes pending changes visible by `latest_ms` at the latest.
    pub(crate) fn limit_delay(&mut self, latest_ms: i64) {
        for change in &mut self.pending {
            change.visible_ms = change.visible_ms.min(latest_ms);
        }
    }

    /// Applies the changes that are due at `now_ms`.
    pub(crate) fn apply_due(&mut self, now_ms: i64) {
        while self.pending.front().is_some_and(|change| change.visible_ms <= now_ms) {
            let Some(change) = self.pending.pop_front() else { return };
            self.apply(&change);
        }
    }

    /// Returns the number of rows that `filter` accepts. `filter_key` identifies the filter in the cache.
    pub(crate) fn total(&mut self, filter: &Filter, filter_key: &str) -> usize {
        if filter.accepts_all() {
            return self.live;
        }
        if let Some(total) = self.totals.get(filter_key) {
            return *total;
        }
        let total = self.rows.iter().flatten().filter(|row| filter.accepts(row)).count();
        if self.totals.len() >= MAX_CACHED_QUERIES {
            self.totals.clear();
        }
        self.totals.insert(filter_key.to_owned(), total);
        total
    }

    /// Returns at most `take` rows after `cursor` that `filter` accepts, without the first `skip`.
    pub(crate) fn page(
        &mut self,
        sort: &[SortField],
        cursor: Option<SortKey>,
        filter: &Filter,
        skip: usize,
        take: usize,
    ) -> Vec<Arc<Row>> {
        let start = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        self.sorted_rows(sort)
            .range((start, Bound::Unbounded))
            .map(|(_, row)| row)
            .filter(|row| filter.accepts(row))
            .skip(skip)
            .take(take)
            .cloned()
            .collect()
    }

    fn sorted_rows(&mut self, sort: &[SortField]) -> &SortedRows {
        if self.sorted.len() >= MAX_CACHED_QUERIES && !self.sorted.contains_key(sort) {
            self.sorted.clear();
        }
        let rows = &self.rows;
        self.sorted
            .entry(sort.to_vec())
            .or_insert_with(|| rows.iter().flatten().map(|row| (SortKey::of(row, sort), row.clone())).collect())
    }

    fn apply(&mut self, change: &Change) {
        let index = change.number as usize;
        if index >= self.rows.len() {
            self.rows.resize(index + 1, None);
        }
        let old = std::mem::replace(&mut self.rows[index], change.row.clone());
        for (sort, rows) in &mut self.sorted {
            if let Some(old) = &old {
                rows.remove(&SortKey::of(old, sort));
            }
            if let Some(new) = &change.row {
                rows.insert(SortKey::of(new, sort), new.clone());
            }
        }
        self.live = self.live + usize::from(change.row.is_some()) - usize::from(old.is_some());
        self.totals.clear();
    }
}

impl SortKey {
    /// Returns the sort key of a row.
    pub(crate) fn of(row: &Row, sort: &[SortField]) -> Self {
        let parts = sort.iter().map(|field| field.key_part(field.value(row))).collect();
        Self { parts, id: row.id.clone() }
    }

    /// Parses a `searchAfter`; `None` if it does not match the sort order.
    pub(crate) fn parse(cursor: &[Value], sort: &[SortField]) -> Option<Self> {
        let (id, values) = cursor.split_last()?;
        if values.len() != sort.len() {
            return None;
        }
        let parts: Option<Vec<KeyPart>> =
            sort.iter().zip(values).map(|(field, value)| Some(field.key_part(field.parse(value)?))).collect();
        Some(Self { parts: parts?, id: id.as_str()?.into() })
    }

    /// Returns the `searchAfter` of the row with this key.
    pub(crate) fn cursor(&self) -> Vec<Value> {
        let values = self.parts.iter().map(|part| match part {
            KeyPart::Ascending(value) | KeyPart::Descending(Reverse(value)) => value.to_json(),
        });
        values.chain([json!(*self.id)]).collect()
    }
}

impl SortField {
    fn value(&self, row: &Row) -> SortValue {
        match self.field {
            "dateUpdated" => SortValue::Number(row.date_updated),
            "dateAdded" => SortValue::Number(row.date_added),
            "id" => SortValue::Text(row.id.to_string()),
            field => row.contact().text(field).map_or(SortValue::Missing, |text| SortValue::Text(text.to_lowercase())),
        }
    }

    fn parse(&self, value: &Value) -> Option<SortValue> {
        match (self.field, value) {
            ("dateUpdated" | "dateAdded", _) => {
                value.as_i64().or_else(|| value.as_str()?.parse().ok()).map(SortValue::Number)
            }
            (_, Value::Null) => Some(SortValue::Missing),
            (_, Value::String(text)) => Some(SortValue::Text(text.clone())),
            _ => None,
        }
    }

    fn key_part(&self, value: SortValue) -> KeyPart {
        if self.descending { KeyPart::Descending(Reverse(value)) } else { KeyPart::Ascending(value) }
    }
}

impl SortValue {
    fn to_json(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
            Self::Missing => Value::Null,
        }
    }
}
