use serde_json::Value;

use super::{LocationId, UserId};

sidecar_core::open_enum! {
    /// Whether a user belongs to an agency or to its locations.
    pub enum UserKind {
        /// To locations.
        Account = "account",
        /// To the agency.
        Agency = "agency",
    }
}

sidecar_core::open_enum! {
    /// The role of a user.
    pub enum UserRole {
        /// Everything.
        Admin = "admin",
        /// The role.
        User = "user",
    }
}

sidecar_core::model! {
    /// A user of a company or its locations.
    pub struct User {
        /// Its id.
        "id" id: UserId,
        /// Whole name.
        "name" name: Option<String>,
        /// Given name.
        "firstName" first_name: Option<String>,
        /// Family name.
        "lastName" last_name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Phone number.
        "phone" phone: Option<String>,
        /// Phone extension.
        "extension" extension: Option<String>,
        /// The permissions, one flag each, such as `contactsEnabled`.
        "permissions" permissions: Option<Value>,
        /// Which scopes it has: a list, though published as a text.
        "scopes" scopes: Option<Value>,
        /// Where it is what.
        "roles" roles: Option<UserRoles>,
        /// Whether it is deleted.
        "deleted" deleted: Option<bool>,
        /// Its phone numbers by location.
        "lcPhone" lc_phone: Option<Value>,
        /// The language it sees, such as `en_US`.
        "platformLanguage" platform_language: Option<String>,
    }
}

sidecar_core::model! {
    /// Where a user is what.
    pub struct UserRoles {
        /// Whether it belongs to the agency or to locations.
        "type" kind: Option<UserKind>,
        /// The permissions.
        "role" role: Option<UserRole>,
        /// The locations it belongs to.
        "locationIds" location_ids: Option<Vec<LocationId>>,
        /// Whether it sees only its own locations.
        "restrictSubAccount" restrict_sub_account: Option<bool>,
    }
}
