//! One location's contacts: the truth, read by id at once, and beside it the search index, which learns of every
//! change some seconds later.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::index::Index;
use super::people::People;
use super::record::Contact;
use crate::dice::Dice;
use crate::ghl::place::Place;

/// A version of a contact. Seeded people are made when first read.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) id: Arc<str>,
    pub(crate) date_added: i64,
    pub(crate) date_updated: i64,
    contact: OnceLock<Contact>,
    maker: Arc<Maker>,
}

/// What a row needs to make its person.
#[derive(Debug)]
pub(crate) struct Maker {
    people: People,
    place: Arc<Place>,
}

impl Row {
    fn seeded(number: u32, maker: &Arc<Maker>) -> Self {
        let (id, date_added, date_updated) = maker.people.head(&maker.place, number);
        Self { number, id: id.into(), date_added, date_updated, contact: OnceLock::new(), maker: maker.clone() }
    }

    fn written(number: u32, contact: Contact, maker: &Arc<Maker>) -> Self {
        Self {
            number,
            id: contact.id.as_str().into(),
            date_added: contact.date_added,
            date_updated: contact.date_updated,
            contact: OnceLock::from(contact),
            maker: maker.clone(),
        }
    }

    /// The whole contact.
    pub(crate) fn contact(&self) -> &Contact {
        self.contact.get_or_init(|| self.maker.people.person(&self.maker.place, self.number))
    }
}

/// The contacts of one location.
#[derive(Debug)]
pub(crate) struct Directory {
    maker: Arc<Maker>,
    dice: Dice,
    rows: Vec<Option<Arc<Row>>>,
    numbers: HashMap<Arc<str>, u32>,
    /// Rows written since the start by e-mail and phone; entries may be stale and are checked when used.
    contact_points: HashMap<String, Vec<u32>>,
    pub(crate) index: Index,
    /// The location's setting "Allow Duplicate Contact".
    pub(crate) allow_duplicates: bool,
}

impl Directory {
    pub(crate) fn new(people: People, place: Arc<Place>) -> Self {
        let dice = Dice::new(people.seed, &[place.number, 0xC0_47AC]);
        let size = people.size;
        let maker = Arc::new(Maker { people, place });
        let rows: Vec<Arc<Row>> = (0..size).map(|number| Arc::new(Row::seeded(number, &maker))).collect();
        Self {
            numbers: rows.iter().map(|row| (row.id.clone(), row.number)).collect(),
            index: Index::new(&rows),
            rows: rows.into_iter().map(Some).collect(),
            contact_points: HashMap::new(),
            maker,
            dice,
            allow_duplicates: false,
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Row>> {
        self.row(*self.numbers.get(id)?)
    }

    /// Every contact that is there now, oldest entry first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.rows.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn new_id(&mut self) -> String {
        self.dice.id()
    }

    /// Stores a new or changed contact; the index follows at `visible_ms`.
    pub(crate) fn put(&mut self, contact: Contact, visible_ms: i64) -> Arc<Row> {
        let number = self
            .numbers
            .get(contact.id.as_str())
            .copied()
            .unwrap_or(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        let row = Arc::new(Row::written(number, contact, &self.maker));
        for point in
            [row.contact().email.as_deref().map(str::to_lowercase), row.contact().phone.clone()].into_iter().flatten()
        {
            self.contact_points.entry(point).or_default().push(number);
        }
        match self.rows.get_mut(number as usize) {
            Some(slot) => *slot = Some(row.clone()),
            None => {
                self.numbers.insert(row.id.clone(), number);
                self.rows.push(Some(row.clone()));
            }
        }
        self.index.learn(visible_ms, number, Some(row.clone()));
        row
    }

    /// Removes a contact; the index follows at `visible_ms`.
    pub(crate) fn remove(&mut self, id: &str, visible_ms: i64) -> Option<Arc<Row>> {
        let number = self.numbers.remove(id)?;
        let row = self.rows.get_mut(number as usize)?.take()?;
        self.index.learn(visible_ms, number, None);
        Some(row)
    }

    /// The contact that has this e-mail (first) or phone, other than `except`, and which of the two matched.
    pub(crate) fn duplicate(
        &self,
        email: Option<&str>,
        phone: Option<&str>,
        except: Option<&str>,
    ) -> Option<(&Arc<Row>, &'static str)> {
        let email = email.map(str::to_lowercase);
        let by_email = email.as_deref().and_then(|email| {
            self.holder(email, except, |contact| {
                contact.email.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(email))
            })
        });
        let by_phone =
            || phone.and_then(|phone| self.holder(phone, except, |contact| contact.phone.as_deref() == Some(phone)));
        by_email.map(|row| (row, "email")).or_else(|| by_phone().map(|row| (row, "phone")))
    }

    fn holder(&self, point: &str, except: Option<&str>, holds: impl Fn(&Contact) -> bool) -> Option<&Arc<Row>> {
        let written = self.contact_points.get(point).into_iter().flatten().copied();
        let seeded = self.maker.people.guess(&self.maker.place, point);
        written
            .chain(seeded)
            .filter_map(|number| self.row(number))
            .find(|row| Some(&*row.id) != except && holds(row.contact()))
    }

    fn row(&self, number: u32) -> Option<&Arc<Row>> {
        self.rows.get(number as usize)?.as_ref()
    }
}
