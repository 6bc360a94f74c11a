use serde_json::Value;

use super::{CompanyId, WireTime};

sidecar_core::model! {
    /// A company (agency). What it agreed to and how it bills is in `extra`.
    pub struct Company {
        /// Its id.
        "id" id: CompanyId,
        /// Its name.
        "name" name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Phone number.
        "phone" phone: Option<String>,
        /// Website.
        "website" website: Option<String>,
        /// Its logo's address.
        "logoUrl" logo_url: Option<String>,
        /// Where its users sign in.
        "domain" domain: Option<String>,
        /// The domain of its links.
        "spareDomain" spare_domain: Option<String>,
        /// Where its users sign in, beneath the provider's domain.
        "subdomain" subdomain: Option<String>,
        /// Street and number.
        "address" address: Option<String>,
        /// City.
        "city" city: Option<String>,
        /// State or region.
        "state" state: Option<String>,
        /// Postal code.
        "postalCode" postal_code: Option<String>,
        /// Two-letter country code.
        "country" country: Option<String>,
        /// IANA time zone.
        "timezone" timezone: Option<String>,
        /// Its currency.
        "currency" currency: Option<String>,
        /// Its number with the provider.
        "relationshipNumber" relationship_number: Option<String>,
        /// What it is, such as `agency`.
        "customerType" customer_type: Option<String>,
        /// How its subscription stands, such as `active-trial`.
        "status" status: Option<String>,
        /// Its plan.
        "plan" plan: Option<Value>,
        /// How many locations it has.
        "locationCount" location_count: Option<u64>,
        /// Whether it sells locations on.
        "isReselling" is_reselling: Option<bool>,
        /// Whether it is only for trying out.
        "isSandboxAccount" is_sandbox_account: Option<bool>,
        /// When it accepted the terms of service.
        "termsOfServiceAcceptedDate" terms_of_service_accepted_date: Option<WireTime>,
    }
}
