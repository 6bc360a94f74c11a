//! The seeded contacts of a location. Contact `number` depends only on the seed. Contacts are created when they are first read, so that
//! a large location starts fast; only ids and dates are computed at the start.

use std::sync::Arc;

use serde_json::{Map, json};

use super::record::{Contact, CustomValue};
use crate::clock::DAY_MS;
use crate::ghl::locations::profile::LocationProfile;
use crate::rng::SeededRng;

const FIRST_NAMES: &[&str] = &[
    "Amara", "Ben", "Carla", "Daniel", "Elif", "Farid", "Grace", "Hannah", "Ivan", "Jonas", "Keiko", "Leila", "Marco",
    "Nadia", "Oscar", "Priya", "Quentin", "Rosa", "Samuel", "Tereza", "Umar", "Valeria", "Wanda", "Xavier", "Yusuf",
    "Zoë", "José", "Anaïs", "Björn", "Siobhán",
];
#[rustfmt::skip]
const LAST_NAMES: &[&str] = &[
    "Almeida", "Baker", "Castillo", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ibrahim", "Jensen",
    "Kowalski", "Lindqvist", "Moreau", "Nakamura", "O'Connor", "Petrov", "Quist", "Rahman", "Silva", "Tanaka", "Ueda",
    "Varga", "Weber", "Ximenes", "Young", "Zhang", "Müller", "Nuñez", "van Dijk", "Smith-Jones",
];
const DOMAINS: &[&str] = &["example.com", "example.org", "example.net"];
const STREETS: &[&str] =
    &["Cedar Street", "Harbour Road", "Mill Lane", "Station Avenue", "Orchard Way", "Bridge Street"];
const CITIES: &[(&str, &str, &str, &str)] = &[
    ("Austin", "TX", "US", "78701"),
    ("Denver", "CO", "US", "80202"),
    ("Phoenix", "AZ", "US", "85003"),
    ("Seattle", "WA", "US", "98101"),
    ("Toronto", "ON", "CA", "M5H 2N2"),
    ("Leeds", "England", "GB", "LS1 4DY"),
    ("Sydney", "NSW", "AU", "2000"),
];
const COMPANIES: &[&str] =
    &["Northwind Fitness", "Harbour Dental", "Bright Path Coaching", "Cedar & Co", "Lumen Studio", "Atlas Homes"];
const SOURCES: &[&str] =
    &["public api", "form submission", "facebook lead", "referral", "csv import", "booking widget"];
const TAGS: &[&str] = &["lead", "customer", "newsletter", "vip", "no-show", "webinar"];
const COURSE_TAGS: &[&str] = &["course:foundations", "course:advanced", "course:masterclass"];
const LEVELS: &[&str] = &["Beginner", "Intermediate", "Advanced"];
/// Time between the last seeded change and the start, in milliseconds.
const MIN_AGE_MS: i64 = 60 * 60 * 1000;

/// Creates the contacts of one location.
#[derive(Debug)]
pub(crate) struct ContactSeeder {
    pub(crate) seed: u64,
    pub(crate) count: u32,
    pub(crate) start_ms: i64,
    pub(crate) profile: Arc<LocationProfile>,
}

impl ContactSeeder {
    /// Returns id, `dateAdded` and `dateUpdated` of a contact.
    pub(crate) fn id_and_dates(&self, number: u32) -> (String, i64, i64) {
        let mut rng = SeededRng::new(self.seed, &[self.profile.number, u64::from(number)]);
        let id = rng.id();
        let two_years = 730 * DAY_MS as u64;
        let age = i64::try_from(rng.below(two_years)).unwrap_or(0) + MIN_AGE_MS;
        let update_age = if rng.percent(30) {
            age
        } else {
            MIN_AGE_MS + i64::try_from(rng.next() % age.unsigned_abs()).unwrap_or(0)
        };
        (id, self.start_ms - age, self.start_ms - update_age.min(age))
    }

    /// Returns a contact.
    pub(crate) fn contact(&self, number: u32) -> Contact {
        let profile = &self.profile;
        let (id, date_added, date_updated) = self.id_and_dates(number);
        let mut rng = SeededRng::new(self.seed, &[profile.number, u64::from(number), 1]);
        let (first, last) = (*rng.pick(FIRST_NAMES), *rng.pick(LAST_NAMES));
        let (city, state, country, postal_code) = *rng.pick(CITIES);
        let has_address = rng.percent(75);
        let address_part = |text: &str| has_address.then(|| text.to_owned());
        let dnd = rng.percent(4);
        Contact {
            id,
            location_id: profile.id.clone(),
            first_name: Some(first.to_owned()),
            last_name: rng.percent(94).then(|| last.to_owned()),
            email: rng.percent(92).then(|| email(first, last, number, rng.pick::<&str>(DOMAINS))),
            phone: rng.percent(88).then(|| format!("+1{}", phone_base(profile) + u64::from(number))),
            company_name: rng.percent(25).then(|| (*rng.pick(COMPANIES)).to_owned()),
            address1: has_address.then(|| format!("{} {}", 1 + rng.below(400), rng.pick(STREETS))),
            city: address_part(city),
            state: address_part(state),
            country: Some(country.to_owned()),
            postal_code: address_part(postal_code),
            website: rng.percent(10).then(|| format!("https://{}.example.com", ascii(last))),
            timezone: rng.percent(60).then(|| profile.timezone.to_owned()),
            source: rng.percent(85).then(|| (*rng.pick(SOURCES)).to_owned()),
            gender: None,
            date_of_birth: rng.percent(40).then(|| date_of_birth(&mut rng)),
            assigned_to: rng.percent(50).then(|| rng.pick(&profile.users).clone()),
            dnd,
            dnd_settings: if dnd { sms_opt_out() } else { Map::new() },
            inbound_dnd_settings: Map::new(),
            tags: tags(&mut rng),
            custom_fields: custom_fields(&mut rng, profile),
            date_added,
            date_updated,
        }
    }

    /// Returns the number of the only contact that can have this e-mail or phone; both contain the number.
    pub(crate) fn number_of(&self, email_or_phone: &str) -> Option<u32> {
        let number = match email_or_phone.split_once('@') {
            Some((local, _)) => local.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().ok()?,
            None => email_or_phone.strip_prefix("+1")?.parse::<u64>().ok()?.checked_sub(phone_base(&self.profile))?,
        };
        u32::try_from(number).ok().filter(|number| *number < self.count)
    }
}

fn email(first: &str, last: &str, number: u32, domain: &str) -> String {
    format!("{}.{}{number}@{domain}", ascii(first), ascii(last))
}

fn phone_base(profile: &LocationProfile) -> u64 {
    2_015_550_000 + profile.number * 1_000_000
}

fn ascii(name: &str) -> String {
    name.chars()
        .filter_map(|letter| match letter {
            'ë' | 'é' => Some('e'),
            'ï' => Some('i'),
            'ö' => Some('o'),
            'ü' => Some('u'),
            'á' => Some('a'),
            'ñ' => Some('n'),
            letter if letter.is_ascii_alphabetic() => Some(letter.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

fn date_of_birth(rng: &mut SeededRng) -> String {
    format!("{}-{:02}-{:02}", 1950 + rng.below(55), 1 + rng.below(12), 1 + rng.below(28))
}

fn tags(rng: &mut SeededRng) -> Vec<String> {
    let mut tags: Vec<String> = TAGS.iter().filter(|_| rng.percent(22)).map(|tag| (*tag).to_owned()).collect();
    if rng.percent(35) {
        tags.push((*rng.pick(COURSE_TAGS)).to_owned());
    }
    tags
}

fn custom_fields(rng: &mut SeededRng, profile: &LocationProfile) -> Vec<CustomValue> {
    let values = [
        json!(rng.pick(LEVELS)),
        json!(1 + rng.below(500)),
        json!("Prefers mornings"),
        json!(format!("2026-{:02}-01", 1 + rng.below(9))),
    ];
    profile
        .custom_fields
        .iter()
        .zip(values)
        .filter(|_| rng.percent(40))
        .map(|(field, value)| CustomValue { id: field.id.clone(), value })
        .collect()
}

fn sms_opt_out() -> Map<String, serde_json::Value> {
    Map::from_iter([("SMS".to_owned(), json!({"status": "active", "message": "asked to stop", "code": "101"}))])
}

/// Returns the tags of all seeded contacts.
pub(crate) fn all_tags() -> impl Iterator<Item = &'static str> {
    TAGS.iter().chain(COURSE_TAGS).copied()
}
