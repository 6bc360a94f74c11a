//! The immutable data of a location: ids, users, custom fields and address.

use serde::Serialize;
use serde_json::{Value, json};

use crate::ghl::contacts::seed_data::all_tags;
use crate::rng::SeededRng;

const NAMES: &[&str] =
    &["Harbour Dental", "Northwind Fitness", "Bright Path Coaching", "Cedar Learning", "Lumen Studio", "Atlas Homes"];
/// Time zones without daylight saving, so that their offset is constant.
const ZONES: &[(&str, i8)] = &[("America/Phoenix", -7), ("America/Bogota", -5), ("Asia/Tokyo", 9), ("Africa/Lagos", 1)];

/// The definition of a custom field, as `GET /locations/{id}/customFields` returns it.
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

#[derive(Debug)]
pub(crate) struct LocationProfile {
    /// The index of the location, from 0.
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

impl LocationProfile {
    pub(crate) fn new(seed: u64, number: u64, company_id: &str) -> Self {
        let mut rng = SeededRng::new(seed, &[number, 0x10CA]);
        let id = rng.id();
        let index = usize::try_from(number).unwrap_or(0);
        let (timezone, offset_hours) = ZONES[index % ZONES.len()];
        let name = NAMES[index % NAMES.len()];
        let name = if index < NAMES.len() { name.to_owned() } else { format!("{name} {}", index / NAMES.len() + 1) };
        Self {
            number,
            company_id: company_id.to_owned(),
            email: format!("office{number}@example.com"),
            name,
            timezone,
            offset_hours,
            users: (0..3).map(|_| rng.id()).collect(),
            group_id: rng.id(),
            custom_fields: custom_fields(&mut rng, &id),
            id,
        }
    }

    /// Returns the custom field with this id or key (`contact.course_level` or `course_level`).
    pub(crate) fn custom_field(&self, name: &str) -> Option<&CustomField> {
        self.custom_fields.iter().find(|field| {
            field.id == name || field.field_key == name || field.field_key.strip_prefix("contact.") == Some(name)
        })
    }

    /// Returns an entry of `GET /locations/search`.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "phone": format!("+1{}", 2_025_550_100 + self.number), "email": self.email,
            "address": "100 Main Street", "city": "Phoenix", "state": "AZ", "country": "US", "postalCode": "85003",
            "website": format!("https://location{}.example.com", self.number), "timezone": self.timezone,
            "settings": {"allowDuplicateContact": false, "allowDuplicateOpportunity": false, "allowFacebookNameMerge": false, "disableContactTimezone": false},
            "social": {},
        })
    }

    /// Returns the location of `GET /locations/{id}`.
    pub(crate) fn to_json(&self, allow_duplicates: bool) -> Value {
        let mut location = self.summary();
        location["companyId"] = json!(self.company_id);
        location["settings"]["allowDuplicateContact"] = json!(allow_duplicates);
        location["business"] = json!({"name": self.name, "address": "100 Main Street", "city": "Phoenix", "state": "AZ", "country": "US", "postalCode": "85003", "timezone": self.timezone});
        location
    }

    /// Returns the location's tags with ids.
    pub(crate) fn tags(&self) -> Vec<Value> {
        let mut rng = SeededRng::new(self.number, &[0x7A6]);
        all_tags().map(|name| json!({"id": rng.id(), "name": name, "locationId": self.id})).collect()
    }
}

fn custom_fields(rng: &mut SeededRng, location_id: &str) -> Vec<CustomField> {
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
            id: rng.id(),
            name,
            field_key,
            data_type,
            position,
            picklist_options,
            location_id: location_id.to_owned(),
            model: "contact",
        })
        .collect()
}
