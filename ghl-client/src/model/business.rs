use serde_json::Value;

use super::{BusinessId, LocationId, WireTime};

sidecar_core::model! {
    /// A business that contacts belong to.
    pub struct Business {
        /// Its id.
        "id" id: BusinessId,
        /// Its name.
        "name" name: Option<String>,
        /// Phone number.
        "phone" phone: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Website.
        "website" website: Option<String>,
        /// Street and number.
        "address" address: Option<String>,
        /// City.
        "city" city: Option<String>,
        /// State or region.
        "state" state: Option<String>,
        /// Postal code.
        "postalCode" postal_code: Option<String>,
        /// Country.
        "country" country: Option<String>,
        /// The description.
        "description" description: Option<String>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// The user who created it.
        "createdBy" created_by: Option<Value>,
        /// The user who last changed it.
        "updatedBy" updated_by: Option<Value>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}
