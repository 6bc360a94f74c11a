//! The parts of a generated call.

use std::any::TypeId;

use futures_util::future::BoxFuture;
use ghl_client::{
    GhlClient, Result,
    api::{Decode, File, Generation, Object, Operation, Request, Unknown},
};
use serde_json::Value;
use sidecar_core::http::Response;

/// The depth to which optional fields are filled; models can be recursive.
const MAX_DEPTH: u8 = 6;

/// A call of one operation.
pub(crate) struct Call {
    /// The operation.
    pub(crate) operation: &'static Operation,
    /// Creates the arguments and sends the call; the client must use the generation of [`At`].
    pub(crate) send: fn(&GhlClient, &At) -> Sent,
}

/// A sent call.
pub(crate) struct Sent {
    /// The raw response.
    pub(crate) response: BoxFuture<'static, Result<Response>>,
    /// Decodes a response into the method's type and returns the paths of unknown fields.
    pub(crate) decode: fn(Response) -> Result<Vec<String>>,
    /// Whether the specification describes the response, so that it has a type.
    pub(crate) described: bool,
}

/// The arguments to send at the current depth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    generation: Generation,
    full: bool,
    depth: u8,
}

impl At {
    /// Creates the setting for required arguments only, or for all.
    pub(crate) fn new(generation: Generation, full: bool) -> Self {
        Self { generation, full, depth: 0 }
    }

    pub(crate) fn is_v3(&self) -> bool {
        self.generation == Generation::V3
    }

    pub(crate) fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, ..*self }
    }

    pub(crate) fn sets(&self, v2: Requirement, v3: Requirement) -> bool {
        match if self.is_v3() { v3 } else { v2 } {
            Must => true,
            May => self.full && self.depth < MAX_DEPTH,
            Never => false,
        }
    }
}

/// Whether a field is part of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Requirement {
    /// Required.
    Must,
    /// Optional.
    May,
    /// The generation lacks it.
    Never,
}
pub(crate) use Requirement::{May, Must, Never};

/// Sets a field if the generation has it and the arguments include it.
macro_rules! set {
    ($at:ident, $v2:ident, $v3:ident, $value:expr) => {
        if $at.sets($v2, $v3) { Some($value) } else { None }
    };
}
pub(crate) use set;

pub(crate) fn request<T: Decode + Unknown + 'static>(request: Request<T>) -> Sent {
    let decode = |response| {
        let mut unknown = Vec::new();
        T::decode(response)?.unknown("", &mut unknown);
        Ok(unknown)
    };
    let untyped = [TypeId::of::<Response>(), TypeId::of::<Value>(), TypeId::of::<Object>()];
    Sent { response: request.raw(), decode, described: !untyped.contains(&TypeId::of::<T>()) }
}

pub(crate) fn file() -> File {
    File { name: "a.txt".to_owned(), media: "text/plain".to_owned(), content: b"hello".to_vec() }
}
