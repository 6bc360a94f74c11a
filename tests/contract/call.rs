//! What a generated call is made of.

use std::any::TypeId;

use futures_util::future::BoxFuture;
use ghl_client::{
    GhlClient, Result,
    api::{Decode, File, Generation, Object, Operation, Request, Unknown},
};
use serde_json::Value;
use sidecar_core::http::Response;

/// How deep optional fields are filled; models may hold themselves.
const DEPTH: u8 = 6;

/// A call of one operation.
pub(crate) struct Call {
    /// The operation.
    pub(crate) operation: &'static Operation,
    /// Makes the arguments and sends it; the client speaks the generation that [`At`] says.
    pub(crate) send: fn(&GhlClient, &At) -> Sent,
}

/// A call on its way.
pub(crate) struct Sent {
    /// The answer as it came.
    pub(crate) answer: BoxFuture<'static, Result<Response>>,
    /// Reads an answer as the method's own type, and gives the paths of what no field took up.
    pub(crate) read: fn(Response) -> Result<Vec<String>>,
    /// Whether the specification describes the answer, so that it has a type.
    pub(crate) described: bool,
}

/// Which arguments are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    generation: Generation,
    full: bool,
    depth: u8,
}

impl At {
    /// As few arguments as the generation allows, or all there are.
    pub(crate) fn new(generation: Generation, full: bool) -> Self {
        Self { generation, full, depth: 0 }
    }

    pub(crate) fn is_v3(&self) -> bool {
        self.generation == Generation::V3
    }

    pub(crate) fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, ..*self }
    }

    pub(crate) fn sets(&self, v2: Wanted, v3: Wanted) -> bool {
        match if self.is_v3() { v3 } else { v2 } {
            Must => true,
            May => self.full && self.depth < DEPTH,
            Never => false,
        }
    }
}

/// Whether a field is part of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// Required.
    Must,
    /// Optional.
    May,
    /// The generation lacks it.
    Never,
}
pub(crate) use Wanted::{May, Must, Never};

/// A field's value if it is wanted in v2 or in v3.
macro_rules! set {
    ($at:ident, $v2:ident, $v3:ident, $value:expr) => {
        if $at.sets($v2, $v3) { Some($value) } else { None }
    };
}
pub(crate) use set;

pub(crate) fn request<T: Decode + Unknown + 'static>(request: Request<T>) -> Sent {
    let read = |answer| {
        let mut unknown = Vec::new();
        T::decode(answer)?.unknown("", &mut unknown);
        Ok(unknown)
    };
    let untyped = [TypeId::of::<Response>(), TypeId::of::<Value>(), TypeId::of::<Object>()];
    Sent { answer: request.raw(), read, described: !untyped.contains(&TypeId::of::<T>()) }
}

pub(crate) fn file() -> File {
    File { name: "a.txt".to_owned(), media: "text/plain".to_owned(), content: b"hello".to_vec() }
}
