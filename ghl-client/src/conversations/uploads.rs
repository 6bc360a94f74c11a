use http::Method;
use serde_json::json;
use sidecar_core::Result;

use super::Conversations;
use crate::{
    client::{Operation, PlainRequest, request, setters},
    config::ApiVersion,
    model::{ContactId, ConversationId, File, LocationId, PendingUpload, UploadedFiles},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
static UPLOAD: Operation =
    Operation::new("conversations.upload", Method::POST, "/conversations/messages/upload", VERSION).with_form();
static BEGIN: Operation =
    Operation::new("conversations.begin_upload", Method::POST, "/conversations/messages/upload/initiate", VERSION);
static END: Operation =
    Operation::new("conversations.end_upload", Method::POST, "/conversations/messages/upload/complete", VERSION);

/// The most files in an upload, and the largest in bytes
/// (<https://marketplace.gohighlevel.com/docs/ghl/conversations/upload-file-attachments>).
const MOST_FILES: usize = 5;
const LARGEST: usize = 5 * 1024 * 1024;

request! {
    /// Uploads what messages are to carry. From [`Conversations::upload`].
    pub struct UploadAttachments => UploadedFiles
}
setters! { body of UploadAttachments; {
    /// Files that lie elsewhere, by their addresses.
    "attachmentUrls" urls: each String,
    /// Twilio's id of the group's chat, for a group message.
    "chatServiceSid" chat_service_sid: into String,
    /// Whether it is for a group message, which carries one file.
    "isGroupSms" is_group_sms: bool,
}}
request! {
    /// Asks where a large file is to be sent to. From [`Conversations::begin_upload`].
    pub struct BeginUpload => PendingUpload
}
setters! { body of BeginUpload; {
    /// How large the file is, in bytes.
    "fileSize" size: u64,
}}

impl Conversations {
    /// Uploads files and returns their addresses, which [`SendMessage::attachments`](super::SendMessage::attachments)
    /// takes; give it up to 5 files of at most 5 MiB each.
    pub fn upload(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
        contact: impl Into<ContactId>,
    ) -> UploadAttachments {
        let builder = self.about(&UPLOAD, location, conversation);
        UploadAttachments { builder: builder.set("contactId", json!(contact.into())) }
    }

    /// Asks where a file is to be sent to that is too large for [`upload`](Self::upload): by its name, its media type, and the
    /// channel it is for, such as `WHATSAPP`. Send the content there, then end it with [`end_upload`](Self::end_upload).
    pub fn begin_upload(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
        file_name: impl Into<String>,
        media: impl Into<String>,
        channel: impl Into<String>,
    ) -> BeginUpload {
        let builder = self.about(&BEGIN, location, conversation).set("filename", file_name.into());
        BeginUpload { builder: builder.set("contentType", media.into()).set("channel", channel.into()) }
    }

    /// Completes the upload of a large file and returns its address.
    pub fn end_upload(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
        file_name: impl Into<String>,
        upload: &PendingUpload,
    ) -> PlainRequest<UploadedFiles> {
        let builder = self.about(&END, location, conversation).set("filename", file_name.into());
        let builder = builder.set("uploadId", upload.id.as_str()).set("filePath", upload.path.as_str());
        builder.plain(|answer| answer.json())
    }
}

impl UploadAttachments {
    /// A file; up to 5.
    pub fn file(mut self, file: File) -> Self {
        let (size, name) = (file.content.len(), file.name.clone());
        let builder = self.builder.require(size <= LARGEST, || {
            format!("`{name}` has {size} bytes; more than {LARGEST} go by `begin_upload`")
        });
        self.builder = builder.file("fileAttachment", file);
        self
    }

    async fn send(self) -> Result<UploadedFiles> {
        let (files, anything) = (self.builder.files(), self.builder.has("attachmentUrls"));
        let builder = self
            .builder
            .require(files > 0 || anything, || "there is no file to upload; add one with `file`".to_owned());
        builder.require(files <= MOST_FILES, || format!("an upload has at most {MOST_FILES} files")).json().await
    }
}

impl BeginUpload {
    async fn send(self) -> Result<PendingUpload> {
        self.builder.json().await
    }
}
