use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::WireTime;

/// A file to be uploaded, held in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// The file name.
    pub name: String,
    /// Its media type, such as `image/png`.
    pub media: String,
    /// Its content.
    pub content: Vec<u8>,
}

impl File {
    /// A file by its name, its media type such as `image/png`, and its content.
    pub fn new(name: impl Into<String>, media: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), media: media.into(), content: content.into() }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({:?}, {}, {} bytes)", self.name, self.media, self.content.len())
    }
}

sidecar_core::model! {
    /// The uploaded files.
    pub struct UploadedFiles {
        /// The files' addresses by their names.
        "uploadedFiles" files: BTreeMap<String, String>,
        /// More of a file that was sent in one piece by its own address, such as `size` and `contentType`.
        "metadata" metadata: Option<Value>,
        /// More of each file of a custom field.
        "meta" meta: Option<Vec<Value>>,
        /// Twilio's ids of what a group message carries.
        "twilioMediaSids" twilio_media_sids: Option<Vec<String>>,
    }
}

sidecar_core::model! {
    /// Where a large file is to be sent to.
    pub struct PendingUpload {
        /// The address: send the content there by PUT, without a token.
        "uploadUrl" url: String,
        /// The upload's id.
        "uploadId" id: String,
        /// Where the file will lie.
        "filePath" path: String,
        /// Until when the address is good.
        "expiresAt" expires_at: Option<WireTime>,
        /// How large the file may be, in bytes.
        "maxFileSize" max_file_size: Option<u64>,
    }
}
