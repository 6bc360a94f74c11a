//! The people of a location, made from a seed when somebody looks at them. Person `i` is always the same, and ids
//! and dates cost nothing else, so fifty thousand people need no start-up time.

use serde_json::{Map, json};

use super::record::{Contact, CustomValue};
use crate::clock::DAY_MS;
use crate::dice::Dice;
use crate::ghl::place::Place;

const FIRST: &[&str] = &[
    "Amara", "Ben", "Carla", "Daniel", "Elif", "Farid", "Grace", "Hannah", "Ivan", "Jonas", "Keiko", "Leila", "Marco",
    "Nadia", "Oscar", "Priya", "Quentin", "Rosa", "Samuel", "Tereza", "Umar", "Valeria", "Wanda", "Xavier", "Yusuf",
    "Zoë", "José", "Anaïs", "Björn", "Siobhán",
];
const LAST: &[&str] = &[
    "Almeida",
    "Baker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ibrahim",
    "Jensen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "O'Connor",
    "Petrov",
    "Quist",
    "Rahman",
    "Silva",
    "Tanaka",
    "Ueda",
    "Varga",
    "Weber",
    "Ximenes",
    "Young",
    "Zhang",
    "Müller",
    "Nuñez",
    "van Dijk",
    "Smith-Jones",
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
/// Tags that mark learners.
const COURSES: &[&str] = &["course:foundations", "course:advanced", "course:masterclass"];
const LEVELS: &[&str] = &["Beginner", "Intermediate", "Advanced"];
/// Latest seeded change lies this long before the start.
const QUIET_MS: i64 = 60 * 60 * 1000;

/// Makes one location's people.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) seed: u64,
    pub(crate) size: u32,
    pub(crate) start_ms: i64,
}

impl People {
    /// Ids and dates of person `i`, made without the rest of them.
    pub(crate) fn head(&self, place: &Place, i: u32) -> (String, i64, i64) {
        let mut dice = self.dice(place, i);
        let id = dice.id();
        let two_years = 730 * DAY_MS as u64;
        let age = i64::try_from(dice.below(two_years)).unwrap_or(0) + QUIET_MS;
        let touched = if dice.percent(30) {
            age
        } else {
            QUIET_MS + i64::try_from(dice.next() % age.unsigned_abs()).unwrap_or(0)
        };
        (id, self.start_ms - age, self.start_ms - touched.min(age))
    }

    /// Person `i`, whole.
    pub(crate) fn person(&self, place: &Place, i: u32) -> Contact {
        let (id, date_added, date_updated) = self.head(place, i);
        let mut dice = Dice::new(self.seed, &[place.number, u64::from(i), 1]);
        let (first, last) = (*dice.pick(FIRST), *dice.pick(LAST));
        let (city, state, country, postal_code) = *dice.pick(CITIES);
        let lives = dice.percent(75);
        let here = |text: &str| lives.then(|| text.to_owned());
        let dnd = dice.percent(4);
        Contact {
            id,
            location_id: place.id.clone(),
            first_name: Some(first.to_owned()),
            last_name: dice.percent(94).then(|| last.to_owned()),
            email: dice.percent(92).then(|| email(first, last, i, dice.pick::<&str>(DOMAINS))),
            phone: dice.percent(88).then(|| format!("+1{}", phone_base(place) + u64::from(i))),
            company_name: dice.percent(25).then(|| (*dice.pick(COMPANIES)).to_owned()),
            address1: lives.then(|| format!("{} {}", 1 + dice.below(400), dice.pick(STREETS))),
            city: here(city),
            state: here(state),
            country: Some(country.to_owned()),
            postal_code: here(postal_code),
            website: dice.percent(10).then(|| format!("https://{}.example.com", ascii(last))),
            timezone: dice.percent(60).then(|| place.timezone.to_owned()),
            source: dice.percent(85).then(|| (*dice.pick(SOURCES)).to_owned()),
            gender: None,
            date_of_birth: dice.percent(40).then(|| born(&mut dice)),
            assigned_to: dice.percent(50).then(|| dice.pick(&place.users).clone()),
            dnd,
            dnd_settings: if dnd { no_messages() } else { Map::new() },
            inbound_dnd_settings: Map::new(),
            tags: tags(&mut dice),
            custom_fields: custom(&mut dice, place),
            date_added,
            date_updated,
        }
    }

    /// The only seeded person who can have this e-mail or phone: both carry the person's number.
    pub(crate) fn guess(&self, place: &Place, point: &str) -> Option<u32> {
        let number = match point.split_once('@') {
            Some((local, _)) => local.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().ok()?,
            None => point.strip_prefix("+1")?.parse::<u64>().ok()?.checked_sub(phone_base(place))?,
        };
        u32::try_from(number).ok().filter(|number| *number < self.size)
    }

    fn dice(&self, place: &Place, i: u32) -> Dice {
        Dice::new(self.seed, &[place.number, u64::from(i)])
    }
}

fn email(first: &str, last: &str, i: u32, domain: &str) -> String {
    format!("{}.{}{i}@{domain}", ascii(first), ascii(last))
}

fn phone_base(place: &Place) -> u64 {
    2_015_550_000 + place.number * 1_000_000
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

fn born(dice: &mut Dice) -> String {
    format!("{}-{:02}-{:02}", 1950 + dice.below(55), 1 + dice.below(12), 1 + dice.below(28))
}

fn tags(dice: &mut Dice) -> Vec<String> {
    let mut tags: Vec<String> = TAGS.iter().filter(|_| dice.percent(22)).map(|tag| (*tag).to_owned()).collect();
    if dice.percent(35) {
        tags.push((*dice.pick(COURSES)).to_owned());
    }
    tags
}

fn custom(dice: &mut Dice, place: &Place) -> Vec<CustomValue> {
    let values = [
        json!(dice.pick(LEVELS)),
        json!(1 + dice.below(500)),
        json!("Prefers mornings"),
        json!(format!("2026-{:02}-01", 1 + dice.below(9))),
    ];
    place
        .custom_fields
        .iter()
        .zip(values)
        .filter(|_| dice.percent(40))
        .map(|(field, value)| CustomValue { id: field.id.clone(), value })
        .collect()
}

fn no_messages() -> Map<String, serde_json::Value> {
    Map::from_iter([("SMS".to_owned(), json!({"status": "active", "message": "asked to stop", "code": "101"}))])
}

/// Every tag seeded people may carry, for the location's tag list.
pub(crate) fn all_tags() -> impl Iterator<Item = &'static str> {
    TAGS.iter().chain(COURSES).copied()
}
