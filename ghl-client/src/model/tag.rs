use super::{LocationId, TagId};

sidecar_core::model! {
    /// A tag as a location knows it. Contacts carry only its name.
    pub struct Tag {
        /// Its id.
        "id" id: TagId,
        /// Its name, in lower case.
        "name" name: Option<String>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
    }
}
