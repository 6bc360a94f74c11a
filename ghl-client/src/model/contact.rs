use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BusinessId, ContactId, CustomFieldEntry, LocationId, UserId, WireTime};

/// Where a contact search goes on, as the last contact of a page named it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SearchAfter(pub Vec<Value>);

sidecar_core::model! {
    /// A contact as it is read. Search answers leave more fields null than reads by id.
    pub struct Contact {
        /// Its id.
        "id" id: ContactId,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Whole name, where the provider sends one.
        "name" name: Option<String>,
        /// Whole name as search answers call it.
        "contactName" contact_name: Option<String>,
        /// Given name.
        "firstName" first_name: Option<String>,
        /// Family name.
        "lastName" last_name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Phone number in E.164.
        "phone" phone: Option<String>,
        /// Company name.
        "companyName" company_name: Option<String>,
        /// The type, such as `lead` or `customer`.
        "type" kind: Option<String>,
        /// Where the contact came from.
        "source" source: Option<String>,
        /// The user it is assigned to.
        "assignedTo" assigned_to: Option<UserId>,
        /// Street and number.
        "address1" address1: Option<String>,
        /// City.
        "city" city: Option<String>,
        /// State or region.
        "state" state: Option<String>,
        /// Two-letter country code.
        "country" country: Option<String>,
        /// Postal code.
        "postalCode" postal_code: Option<String>,
        /// Website.
        "website" website: Option<String>,
        /// IANA time zone.
        "timezone" timezone: Option<String>,
        /// Date of birth.
        "dateOfBirth" date_of_birth: Option<WireTime>,
        /// Tags, in lower case.
        "tags" tags: Option<Vec<String>>,
        /// Whether no messages may be sent at all.
        "dnd" dnd: Option<bool>,
        /// Whether messages may be sent, channel by channel: `Call`, `Email`, `SMS`, `WhatsApp`, `GMB`, `FB`.
        "dndSettings" dnd_settings: Option<Value>,
        /// Custom fields, by id.
        "customFields" custom_fields: Option<Vec<CustomFieldEntry>>,
        /// When it was created.
        "dateAdded" date_added: Option<WireTime>,
        /// When it last changed.
        "dateUpdated" date_updated: Option<WireTime>,
        /// The business it belongs to.
        "businessId" business_id: Option<BusinessId>,
        /// The followers; only in listings.
        "followers" followers: Option<Vec<UserId>>,
        /// Further e-mail addresses.
        "additionalEmails" additional_emails: Option<Value>,
        /// The first attribution: page, campaign, referrer.
        "attributionSource" attribution_source: Option<Value>,
        /// Where it last came from.
        "lastAttributionSource" last_attribution_source: Option<Value>,
        /// All that it came from; in listings.
        "attributions" attributions: Option<Value>,
        /// When something last happened to it.
        "lastActivity" last_activity: Option<WireTime>,
        /// When it last visited a page.
        "lastSessionActivityAt" last_session_activity_at: Option<WireTime>,
        /// Its id as a visitor of pages.
        "visitorId" visitor_id: Option<String>,
        /// E-mail address in lower case.
        "emailLowerCase" email_lower_case: Option<String>,
        /// Given name in lower case.
        "firstNameLowerCase" first_name_lower_case: Option<String>,
        /// Family name in lower case.
        "lastNameLowerCase" last_name_lower_case: Option<String>,
        /// Whole name in lower case.
        "fullNameLowerCase" full_name_lower_case: Option<String>,
        /// The attachments.
        "attachments" attachments: Option<Value>,
        /// Social security number.
        "ssn" ssn: Option<String>,
        /// Keyword.
        "keyword" keyword: Option<String>,
        /// Month of birth, 1 to 12.
        "birthMonth" birth_month: Option<f64>,
        /// Day of birth, 1 to 31.
        "birthDay" birth_day: Option<f64>,
        /// Whether it is deleted.
        "deleted" deleted: Option<bool>,
        /// Whether e-mail to it came back.
        "bounceEmail" bounce_email: Option<bool>,
        /// Whether it wants no more e-mail.
        "unsubscribeEmail" unsubscribe_email: Option<bool>,
        /// The offers.
        "offers" offers: Option<Value>,
        /// The purchases.
        "products" products: Option<Value>,
        /// The cursor behind this contact; only in search answers.
        "searchAfter" search_after: Option<SearchAfter>,
    }
}

impl Contact {
    /// The name to show: the whole name if there is one, else given and family name, else the e-mail address.
    pub fn display_name(&self) -> Option<String> {
        let whole = [&self.name, &self.contact_name].into_iter().flatten().find(|name| !name.trim().is_empty());
        if let Some(name) = whole {
            return Some(name.clone());
        }
        let parts: Vec<&str> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        if parts.is_empty() { self.email.clone() } else { Some(parts.join(" ")) }
    }
}
