//! A location's contacts: the current contacts by id, and the search index, which shows changes with a lag.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::index::Index;
use super::record::Contact;
use super::seed_data::ContactSeeder;
use crate::rng::SeededRng;

/// A version of a contact. Seeded contacts are created when they are first read.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) id: Arc<str>,
    pub(crate) date_added: i64,
    pub(crate) date_updated: i64,
    contact: OnceLock<Contact>,
    seeder: Arc<ContactSeeder>,
}

impl Row {
    fn seeded(number: u32, seeder: &Arc<ContactSeeder>) -> Self {
        let (id, date_added, date_updated) = seeder.id_and_dates(number);
        Self { number, id: id.into(), date_added, date_updated, contact: OnceLock::new(), seeder: seeder.clone() }
    }

    fn written(number: u32, contact: Contact, seeder: &Arc<ContactSeeder>) -> Self {
        Self {
            number,
            id: contact.id.as_str().into(),
            date_added: contact.date_added,
            date_updated: contact.date_updated,
            contact: OnceLock::from(contact),
            seeder: seeder.clone(),
        }
    }

    /// Returns the contact.
    pub(crate) fn contact(&self) -> &Contact {
        self.contact.get_or_init(|| self.seeder.contact(self.number))
    }
}

/// The contacts of one location.
#[derive(Debug)]
pub(crate) struct ContactStore {
    seeder: Arc<ContactSeeder>,
    rng: SeededRng,
    rows: Vec<Option<Arc<Row>>>,
    numbers: HashMap<Arc<str>, u32>,
    /// Numbers of written rows by e-mail and phone. Entries may be stale; lookups check them.
    by_email_or_phone: HashMap<String, Vec<u32>>,
    pub(crate) index: Index,
    /// The location's "Allow Duplicate Contact" setting.
    pub(crate) allow_duplicates: bool,
}

impl ContactStore {
    pub(crate) fn new(seeder: ContactSeeder) -> Self {
        let rng = SeededRng::new(seeder.seed, &[seeder.profile.number, 0xC0_47AC]);
        let seeder = Arc::new(seeder);
        let rows: Vec<Arc<Row>> = (0..seeder.count).map(|number| Arc::new(Row::seeded(number, &seeder))).collect();
        Self {
            numbers: rows.iter().map(|row| (row.id.clone(), row.number)).collect(),
            index: Index::new(&rows),
            rows: rows.into_iter().map(Some).collect(),
            by_email_or_phone: HashMap::new(),
            seeder,
            rng,
            allow_duplicates: false,
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Row>> {
        self.row(*self.numbers.get(id)?)
    }

    /// Returns all current contacts in creation order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.rows.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn new_id(&mut self) -> String {
        self.rng.id()
    }

    /// Stores a contact; the index shows it from `visible_ms` on.
    pub(crate) fn put(&mut self, contact: Contact, visible_ms: i64) -> Arc<Row> {
        let number = self
            .numbers
            .get(contact.id.as_str())
            .copied()
            .unwrap_or(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        let row = Arc::new(Row::written(number, contact, &self.seeder));
        for key in
            [row.contact().email.as_deref().map(str::to_lowercase), row.contact().phone.clone()].into_iter().flatten()
        {
            self.by_email_or_phone.entry(key).or_default().push(number);
        }
        match self.rows.get_mut(number as usize) {
            Some(slot) => *slot = Some(row.clone()),
            None => {
                self.numbers.insert(row.id.clone(), number);
                self.rows.push(Some(row.clone()));
            }
        }
        self.index.schedule(visible_ms, number, Some(row.clone()));
        row
    }

    /// Removes a contact; the index shows it until `visible_ms`.
    pub(crate) fn remove(&mut self, id: &str, visible_ms: i64) -> Option<Arc<Row>> {
        let number = self.numbers.remove(id)?;
        let row = self.rows.get_mut(number as usize)?.take()?;
        self.index.schedule(visible_ms, number, None);
        Some(row)
    }

    /// Returns the contact, other than `except`, with this e-mail or else this phone, and the name of the matching field.
    pub(crate) fn duplicate(
        &self,
        email: Option<&str>,
        phone: Option<&str>,
        except: Option<&str>,
    ) -> Option<(&Arc<Row>, &'static str)> {
        let email = email.map(str::to_lowercase);
        let by_email = email.as_deref().and_then(|email| {
            self.find(email, except, |contact| {
                contact.email.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(email))
            })
        });
        let by_phone =
            || phone.and_then(|phone| self.find(phone, except, |contact| contact.phone.as_deref() == Some(phone)));
        by_email.map(|row| (row, "email")).or_else(|| by_phone().map(|row| (row, "phone")))
    }

    fn find(&self, key: &str, except: Option<&str>, matches: impl Fn(&Contact) -> bool) -> Option<&Arc<Row>> {
        let written = self.by_email_or_phone.get(key).into_iter().flatten().copied();
        let seeded = self.seeder.number_of(key);
        written
            .chain(seeded)
            .filter_map(|number| self.row(number))
            .find(|row| Some(&*row.id) != except && matches(row.contact()))
    }

    fn row(&self, number: u32) -> Option<&Arc<Row>> {
        self.rows.get(number as usize)?.as_ref()
    }
}
