//! The fields that creates, updates and upserts share, as setters over the body that is sent.

/// Gives a request with a `body: Map<String, Value>` a setter for each text field of a contact, and those of other shapes.
macro_rules! contact_fields {
    ($name:ident) => {
        $crate::contacts::fields::contact_fields!(@text $name
            "firstName" first_name "Given name.",
            "lastName" last_name "Family name.",
            "name" name "Whole name, instead of given and family name.",
            "email" email "E-mail address.",
            "phone" phone "Phone number in E.164, such as `+14155550100`.",
            "address1" address1 "Street and number.",
            "city" city "City.",
            "state" state "State or region.",
            "country" country "Two-letter country code.",
            "postalCode" postal_code "Postal code.",
            "website" website "Website.",
            "timezone" timezone "IANA time zone.",
            "source" source "Where the contact came from.",
            "dateOfBirth" date_of_birth "Date of birth, `YYYY-MM-DD`.",
            "assignedTo" assigned_to "The id of the user it is assigned to.",
        );

        impl $name {
            /// Whether no messages may be sent to the contact at all.
            pub fn dnd(self, on: bool) -> Self {
                self.set("dnd", on)
            }

            /// All tags the contact is to have; an update replaces those it has.
            pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
                self.set("tags", tags.into_iter().map(Into::into).collect::<Vec<String>>())
            }

            /// Adds a custom field's value.
            pub fn custom_field(mut self, value: $crate::model::CustomFieldValue) -> Self {
                let fields = self.body.entry("customFields").or_insert_with(|| ::serde_json::Value::Array(Vec::new()));
                if let ::serde_json::Value::Array(fields) = fields {
                    fields.push(::serde_json::json!(value));
                }
                self
            }

            /// Sets a field that has no setter here, by its wire name; `null` clears a field. The provider refuses names it
            /// does not know.
            pub fn set(mut self, wire_name: &str, value: impl Into<::serde_json::Value>) -> Self {
                self.body.insert(wire_name.to_owned(), value.into());
                self
            }
        }
    };
    (@text $name:ident $($wire:literal $field:ident $doc:literal,)*) => {
        impl $name {
            $(#[doc = $doc]
            pub fn $field(self, value: impl Into<String>) -> Self {
                self.set($wire, value.into())
            })*
        }
    };
}
pub(super) use contact_fields;
