use serde_json::Value;

use super::{CompanyId, LocationId, WireTime};

sidecar_core::model! {
    /// A location (sub-account).
    pub struct Location {
        /// Its id.
        "id" id: LocationId,
        /// Its company (agency); search answers leave it out.
        "companyId" company_id: Option<CompanyId>,
        /// Its name.
        "name" name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Phone number.
        "phone" phone: Option<String>,
        /// Street and number.
        "address" address: Option<String>,
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
        /// Its domain.
        "domain" domain: Option<String>,
        /// Its logo's address.
        "logoUrl" logo_url: Option<String>,
        /// Given name of the person to turn to.
        "firstName" first_name: Option<String>,
        /// Family name of the person to turn to.
        "lastName" last_name: Option<String>,
        /// Name and address of the business.
        "business" business: Option<Value>,
        /// Its pages elsewhere, such as `facebookUrl`.
        "social" social: Option<Value>,
        /// Settings, such as `allowDuplicateContact`.
        "settings" settings: Option<Value>,
        /// The settings of a reseller.
        "reseller" reseller: Option<Value>,
    }
}

sidecar_core::model! {
    /// A location in the list of an app's installations.
    pub struct InstalledLocation {
        /// The location.
        "_id" id: LocationId,
        /// Its name.
        "name" name: Option<String>,
        /// Its address.
        "address" address: Option<String>,
        /// Whether the app is installed there.
        "isInstalled" is_installed: Option<bool>,
        /// The app's version there.
        "versionId" version_id: Option<String>,
        /// When it was installed.
        "installedAt" installed_at: Option<WireTime>,
    }
}
