use serde_json::Value;

use super::{LocationId, TemplateId, WireTime};

sidecar_core::open_enum! {
    /// The kind of a template.
    pub enum TemplateKind {
        /// Text messages.
        Sms = "sms",
        /// E-mail.
        Email = "email",
        /// WhatsApp.
        WhatsApp = "whatsapp",
    }
}

sidecar_core::model! {
    /// A message template.
    pub struct Template {
        /// Its id.
        "id" id: TemplateId,
        /// Its name.
        "name" name: Option<String>,
        /// The description.
        "type" kind: Option<TemplateKind>,
        /// Its content: `body` of a text message, `subject` and `html` of an e-mail, `attachments`.
        "template" template: Option<Value>,
        /// The addresses of what is attached.
        "urlAttachments" url_attachments: Option<Vec<String>>,
        /// When it was made.
        "dateAdded" date_added: Option<WireTime>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
    }
}
