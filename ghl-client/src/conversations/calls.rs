use http::Method;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::Conversations;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder},
    config::ApiVersion,
    model::{LocationId, MessageId, Sentence},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
static RECORDING: Operation = Operation::new(
    "conversations.recording",
    Method::GET,
    "/conversations/messages/{messageId}/locations/{locationId}/recording",
    VERSION,
);
static TRANSCRIPTION: Operation = Operation::new(
    "conversations.transcription",
    Method::GET,
    "/conversations/locations/{locationId}/messages/{messageId}/transcription",
    VERSION,
);
static TRANSCRIPT: Operation = Operation::new(
    "conversations.transcript",
    Method::GET,
    "/conversations/locations/{locationId}/messages/{messageId}/transcription/download",
    VERSION,
);

impl Conversations {
    /// Reads the recording of a call: the content of a sound file, held in memory.
    pub fn recording(&self, location: impl Into<LocationId>, message: impl Into<MessageId>) -> PlainRequest<Vec<u8>> {
        let location = location.into();
        let builder =
            RequestBuilder::new(&self.0, &RECORDING, location.clone()).argument(message.into()).argument(location);
        builder.plain(|answer| Ok(answer.body.to_vec()))
    }

    /// Reads what was said in a call, sentence by sentence.
    pub fn transcription(
        &self,
        location: impl Into<LocationId>,
        message: impl Into<MessageId>,
    ) -> PlainRequest<Vec<Sentence>> {
        let location = location.into();
        let builder =
            RequestBuilder::new(&self.0, &TRANSCRIPTION, location.clone()).argument(location).argument(message.into());
        builder.plain(|answer| Ok(answer.json::<Sentences>()?.0))
    }

    /// Reads what was said in a call as a text.
    pub fn transcript(&self, location: impl Into<LocationId>, message: impl Into<MessageId>) -> PlainRequest<String> {
        let location = location.into();
        let builder =
            RequestBuilder::new(&self.0, &TRANSCRIPT, location.clone()).argument(location).argument(message.into());
        builder.plain(|answer| Ok(String::from_utf8_lossy(&answer.body).into_owned()))
    }
}

/// A list of sentences, or the single one that the published specification shows.
struct Sentences(Vec<Sentence>);

impl<'de> Deserialize<'de> for Sentences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            list @ Value::Array(_) => Vec::deserialize(list).map(Self),
            one => Sentence::deserialize(one).map(|sentence| Self(vec![sentence])),
        }
        .map_err(D::Error::custom)
    }
}
