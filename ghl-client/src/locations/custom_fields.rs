use http::Method;
use sidecar_core::Result;

use super::Locations;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, any_field, ignore_body, request, setters},
    config::ApiVersion,
    model::{CustomField, CustomFieldId, File, LocationId, UploadedFiles},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
const ALL: &str = "/locations/{locationId}/customFields";
const ONE: &str = "/locations/{locationId}/customFields/{id}";
static LIST: Operation = Operation::new("locations.custom_fields.list", Method::GET, ALL, VERSION);
static CREATE: Operation = Operation::new("locations.custom_fields.create", Method::POST, ALL, VERSION);
static GET: Operation = Operation::new("locations.custom_fields.get", Method::GET, ONE, VERSION);
static UPDATE: Operation = Operation::new("locations.custom_fields.update", Method::PUT, ONE, VERSION);
static DELETE: Operation = Operation::new("locations.custom_fields.delete", Method::DELETE, ONE, VERSION);
static UPLOAD: Operation = Operation::new(
    "locations.custom_fields.upload",
    Method::POST,
    "/locations/{locationId}/customFields/upload",
    VERSION,
)
.with_form();

/// The custom fields of a location's contacts and opportunities. From [`Locations::custom_fields`]; those of custom objects
/// and companies are in [`custom_fields`](crate::custom_fields).
#[derive(Debug, Clone)]
pub struct CustomFields {
    client: GhlClient,
    location: LocationId,
}

request! {
    /// Lists custom fields. From [`CustomFields::list`].
    pub struct ListCustomFields => Vec<CustomField>
}
request! {
    /// Creates a custom field. From [`CustomFields::create`].
    pub struct CreateCustomField => CustomField
}
request! {
    /// Changes a custom field. From [`CustomFields::update`].
    pub struct UpdateCustomField => CustomField
}
request! {
    /// Uploads files for custom fields. From [`CustomFields::upload`].
    pub struct UploadToField => UploadedFiles
}

setters! { body of CreateCustomField, UpdateCustomField; {
    /// The placeholder of the empty field.
    "placeholder" placeholder: into String,
    /// The files it takes, by their endings, such as `.pdf`.
    "acceptedFormat" accepted_formats: each String,
    /// Whether it takes several files.
    "isMultipleFile" is_multiple_file: bool,
    /// How many files it takes.
    "maxNumberOfFiles" max_number_of_files: u32,
    /// Its place among the fields.
    "position" position: u32,
    /// The object that has the field: `contact` or `opportunity`.
    "model" model: into String,
}}
any_field!(CreateCustomField, UpdateCustomField);

impl Locations {
    /// A location's custom fields: list (to find the id behind a key and the other way round), create, read, change, delete.
    pub fn custom_fields(&self, location: impl Into<LocationId>) -> CustomFields {
        CustomFields { client: self.0.clone(), location: location.into() }
    }
}

impl CustomFields {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(&self.location)
    }

    /// Lists them.
    pub fn list(&self) -> ListCustomFields {
        ListCustomFields { builder: self.builder(&LIST) }
    }

    /// Creates one of a kind such as `TEXT`, `SINGLE_OPTIONS` or `DATE`.
    pub fn create(&self, name: impl Into<String>, data_type: impl Into<String>) -> CreateCustomField {
        CreateCustomField { builder: self.builder(&CREATE).set("name", name.into()).set("dataType", data_type.into()) }
    }

    /// Reads one by its id, or by its key such as `contact.course`.
    pub fn get(&self, id: impl Into<CustomFieldId>) -> PlainRequest<CustomField> {
        self.builder(&GET).argument(id.into()).plain(|answer| answer.part(&["customField"]))
    }

    /// Changes one; the provider wants its name with every change.
    pub fn update(&self, id: impl Into<CustomFieldId>, name: impl Into<String>) -> UpdateCustomField {
        UpdateCustomField { builder: self.builder(&UPDATE).argument(id.into()).set("name", name.into()) }
    }

    /// Uploads files for fields of the kind `FILE_UPLOAD` and returns their addresses. `of` is the id of
    /// the contact, the opportunity or the field that they are for.
    pub fn upload(&self, of: impl Into<String>) -> UploadToField {
        UploadToField { builder: self.builder(&UPLOAD).set("id", of.into()) }
    }

    /// Deletes one, with the values that contacts and opportunities have in it.
    pub fn delete(&self, id: impl Into<CustomFieldId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(id.into()).plain(ignore_body)
    }
}

impl ListCustomFields {
    /// Only contacts' fields.
    pub fn of_contacts(mut self) -> Self {
        self.builder = self.builder.query("model", "contact");
        self
    }

    /// Only opportunities' fields.
    pub fn of_opportunities(mut self) -> Self {
        self.builder = self.builder.query("model", "opportunity");
        self
    }

    /// Contacts' and opportunities' fields.
    pub fn of_all(mut self) -> Self {
        self.builder = self.builder.query("model", "all");
        self
    }

    async fn send(self) -> Result<Vec<CustomField>> {
        self.builder.part(&["customFields"]).await
    }
}

impl CreateCustomField {
    async fn send(self) -> Result<CustomField> {
        self.builder.part(&["customField"]).await
    }
}

impl UpdateCustomField {
    async fn send(self) -> Result<CustomField> {
        self.builder.part(&["customField"]).await
    }
}

impl UploadToField {
    /// How many files the field may hold.
    pub fn max_files(mut self, files: u32) -> Self {
        // The published type is a text.
        self.builder = self.builder.set("maxFiles", files.to_string());
        self
    }

    /// A file.
    pub fn file(mut self, file: File) -> Self {
        // In the published example of an answer a part is called as its file is.
        self.builder = self.builder.file(file.name.clone(), file);
        self
    }

    async fn send(self) -> Result<UploadedFiles> {
        let given = self.builder.files() > 0;
        self.builder.require(given, || "there is no file to upload; add one with `file`".to_owned()).json().await
    }
}
