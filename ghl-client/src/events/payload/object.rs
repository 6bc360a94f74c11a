use serde_json::Value;

use crate::model::{LocationId, UserId, WireTime};

sidecar_core::model! {
    /// The payload of `ObjectSchema…`: the schema of a custom object.
    pub struct ObjectSchemaPayload {
        /// The schema.
        "id" id: String,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its key, such as `custom_objects.pets`.
        "key" key: Option<String>,
        /// Its names: `singular`, `plural`.
        "labels" labels: Option<Value>,
        /// Its description.
        "description" description: Option<String>,
        /// The field that is shown for a record.
        "primaryDisplayProperty" primary_display_property: Option<String>,
        /// The fields that are searched.
        "searchableProperties" searchable_properties: Option<Vec<String>>,
        /// `USER_DEFINED`.
        "objectType" object_type: Option<String>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// The payload of `Record…`: a record of a custom object, or a business (`business` is the object of companies).
    pub struct RecordPayload {
        /// The record.
        "id" id: String,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its object's key, which the page does not list and deliveries have.
        "objectKey" object_key: Option<String>,
        /// The owners.
        "owners" owners: Option<Vec<UserId>>,
        /// The followers.
        "followers" followers: Option<Vec<UserId>>,
        /// Its fields: `key` and `valueString`, `valueNumber`, ….
        "properties" properties: Option<Value>,
    }
}

sidecar_core::model! {
    /// The payload of `Association…`: a kind of relation between two objects.
    pub struct AssociationPayload {
        /// The association.
        "id" id: String,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its key.
        "key" key: Option<String>,
        /// `USER_DEFINED` or `SYSTEM_DEFINED`.
        "associationType" association_type: Option<String>,
        /// The first object's key.
        "firstObjectKey" first_object_key: Option<String>,
        /// The label of the first object.
        "firstObjectLabel" first_object_label: Option<Value>,
        /// The second object's key.
        "secondObjectKey" second_object_key: Option<String>,
        /// The label of the second object.
        "secondObjectLabel" second_object_label: Option<Value>,
    }
}

sidecar_core::model! {
    /// The payload of `Relation…`: two records that are related by an association.
    pub struct RelationPayload {
        /// The relation.
        "id" id: String,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// The association it is of.
        "associationId" association_id: Option<String>,
        /// The first object's key.
        "firstObjectKey" first_object_key: Option<String>,
        /// The first record.
        "firstRecordId" first_record_id: Option<String>,
        /// The second object's key.
        "secondObjectKey" second_object_key: Option<String>,
        /// The second record.
        "secondRecordId" second_record_id: Option<String>,
    }
}
