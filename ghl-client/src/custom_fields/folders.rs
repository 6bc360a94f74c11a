use http::Method;
use serde_json::json;

use super::CustomFields;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, ignore_body},
    config::ApiVersion,
    model::{CustomFieldFolderId, FieldFolder, LocationId},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
static CREATE: Operation =
    Operation::new("custom_fields.folders.create", Method::POST, "/custom-fields/folder", VERSION);
static RENAME: Operation =
    Operation::new("custom_fields.folders.rename", Method::PUT, "/custom-fields/folder/{id}", VERSION);
static DELETE: Operation =
    Operation::new("custom_fields.folders.delete", Method::DELETE, "/custom-fields/folder/{id}", VERSION);

/// The folders of a location's custom fields. From [`CustomFields::folders`].
#[derive(Debug, Clone)]
pub struct Folders {
    client: GhlClient,
    location: LocationId,
}

impl CustomFields {
    /// The folders that custom fields are in: create, rename, delete. They are listed with the fields, by
    /// [`CustomFields::of_object`].
    pub fn folders(&self, location: impl Into<LocationId>) -> Folders {
        Folders { client: self.0.clone(), location: location.into() }
    }
}

impl Folders {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone())
    }

    /// Creates a folder for an object's fields.
    pub fn create(&self, object_key: impl Into<String>, name: impl Into<String>) -> PlainRequest<FieldFolder> {
        let builder = self.builder(&CREATE).set("locationId", json!(self.location));
        builder.set("objectKey", object_key.into()).set("name", name.into()).plain(|answer| answer.json())
    }

    /// Gives a folder another name.
    pub fn rename(&self, folder: impl Into<CustomFieldFolderId>, name: impl Into<String>) -> PlainRequest<FieldFolder> {
        let builder = self.builder(&RENAME).argument(folder.into()).set("locationId", json!(self.location));
        builder.set("name", name.into()).plain(|answer| answer.json())
    }

    /// Deletes a folder.
    pub fn delete(&self, folder: impl Into<CustomFieldFolderId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(folder.into()).query("locationId", &self.location).plain(ignore_body)
    }
}
