//! What is fixed about a location: its ids, users, fields and address. Contacts and appointments live elsewhere.

use serde::Serialize;
use serde_json::{Value, json};

use super::contacts::people::all_tags;
use crate::dice::Dice;

const NAMES: &[&str] =
    &["Harbour Dental", "Northwind Fitness", "Bright Path Coaching", "Cedar Learning", "Lumen Studio", "Atlas Homes"];
/// Zones without daylight saving, so that an offset says everything.
const ZONES: &[(&str, i8)] = &[("America/Phoenix", -7), ("America/Bogota", -5), ("Asia/Tokyo", 9), ("Africa/Lagos", 1)];

/// A custom field's definition, as `GET /locations/{id}/customFields` lists it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomField {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) field_key: &'static str,
    pub(crate) data_type: &'static str,
    pub(crate) position: u32,
    pub(crate) picklist_options: &'static [&'static str],
    pub(crate) location_id: String,
    pub(crate) model: &'static str,
}

/// One sub-account.
#[derive(Debug)]
pub(crate) struct Place {
    /// 0 for the first location.
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) company_id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) timezone: &'static str,
    pub(crate) offset_hours: i8,
    pub(crate) users: Vec<String>,
    pub(crate) group_id: String,
    pub(crate) custom_fields: Vec<CustomField>,
}

impl Place {
    pub(crate) fn new(seed: u64, number: u64, company_id: &str) -> Self {
        let mut dice = Dice::new(seed, &[number, 0x10CA]);
        let id = dice.id();
        let at = usize::try_from(number).unwrap_or(0);
        let (timezone, offset_hours) = ZONES[at % ZONES.len()];
        let name = NAMES[at % NAMES.len()];
        let name = if at < NAMES.len() { name.to_owned() } else { format!("{name} {}", at / NAMES.len() + 1) };
        Self {
            number,
            company_id: company_id.to_owned(),
            email: format!("office{number}@example.com"),
            name,
            timezone,
            offset_hours,
            users: (0..3).map(|_| dice.id()).collect(),
            group_id: dice.id(),
            custom_fields: custom_fields(&mut dice, &id),
            id,
        }
    }

    /// The custom field with this id or key (`contact.course_level` or `course_level`).
    pub(crate) fn custom_field(&self, name: &str) -> Option<&CustomField> {
        self.custom_fields.iter().find(|field| {
            field.id == name || field.field_key == name || field.field_key.strip_prefix("contact.") == Some(name)
        })
    }

    /// An entry of `GET /locations/search`.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "phone": format!("+1{}", 2_025_550_100 + self.number), "email": self.email,
            "address": "100 Main Street", "city": "Phoenix", "state": "AZ", "country": "US", "postalCode": "85003",
            "website": format!("https://location{}.example.com", self.number), "timezone": self.timezone,
            "settings": {"allowDuplicateContact": false, "allowDuplicateOpportunity": false, "allowFacebookNameMerge": false, "disableContactTimezone": false},
            "social": {},
        })
    }

    /// The location of `GET /locations/{id}`.
    pub(crate) fn whole(&self, allow_duplicates: bool) -> Value {
        let mut location = self.summary();
        location["companyId"] = json!(self.company_id);
        location["settings"]["allowDuplicateContact"] = json!(allow_duplicates);
        location["business"] = json!({"name": self.name, "address": "100 Main Street", "city": "Phoenix", "state": "AZ", "country": "US", "postalCode": "85003", "timezone": self.timezone});
        location
    }

    /// The location's tags with ids.
    pub(crate) fn tags(&self) -> Vec<Value> {
        let mut dice = Dice::new(self.number, &[0x7A6]);
        all_tags().map(|name| json!({"id": dice.id(), "name": name, "locationId": self.id})).collect()
    }
}

fn custom_fields(dice: &mut Dice, location: &str) -> Vec<CustomField> {
    const DEFINED: [(&str, &str, &str, &[&str]); 4] = [
        ("Course level", "contact.course_level", "SINGLE_OPTIONS", &["Beginner", "Intermediate", "Advanced"]),
        ("Team size", "contact.team_size", "NUMERICAL", &[]),
        ("Note", "contact.note", "TEXT", &[]),
        ("Enrolled on", "contact.enrolled_on", "DATE", &[]),
    ];
    (0..)
        .step_by(50)
        .zip(DEFINED)
        .map(|(position, (name, field_key, data_type, picklist_options))| CustomField {
            id: dice.id(),
            name,
            field_key,
            data_type,
            position,
            picklist_options,
            location_id: location.to_owned(),
            model: "contact",
        })
        .collect()
}
