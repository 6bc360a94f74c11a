use super::{CustomValueId, LocationId};

sidecar_core::model! {
    /// A named text of a location, for its messages and pages.
    pub struct CustomValue {
        /// Its id.
        "id" id: CustomValueId,
        /// Its name.
        "name" name: Option<String>,
        /// How messages name it, such as `{{ custom_values.opening_hours }}`.
        "fieldKey" field_key: Option<String>,
        /// The text.
        "value" value: Option<String>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
    }
}
