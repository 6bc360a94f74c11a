use std::fmt;

use http::Method;
use sidecar_core::{Error, ErrorKind, Result};

use crate::{config::ApiVersion, model::TokenKinds};

/// The two generations of the API. Paths, names and shapes differ between them, not among the dated versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// The dated versions.
    V2,
    /// v3, and what comes after it.
    V3,
}

impl Generation {
    /// The generation that a version belongs to: versions named by a date are v2.
    pub fn of(version: &ApiVersion) -> Self {
        if version.as_str().starts_with(|first: char| first.is_ascii_digit()) { Self::V2 } else { Self::V3 }
    }

    /// `v2` or `v3`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a request's body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
}

/// An operation of the API: where it is in each generation.
#[derive(Debug)]
pub struct Operation {
    /// Its family and its method here, such as `contacts.create_contact`; errors and metrics name it so.
    pub name: &'static str,
    /// What it speaks when nobody asks for a version: families that have a dated version keep to it.
    pub home: Generation,
    /// Where the dated versions have it.
    pub v2: Option<Endpoint>,
    /// Where v3 has it.
    pub v3: Option<Endpoint>,
}

/// What one generation says of an operation.
#[derive(Debug)]
pub struct Endpoint {
    /// The specification's `operationId`.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path with its `{placeholders}`.
    pub path: &'static str,
    /// The version it is published under.
    pub version: ApiVersion,
    /// The kinds of token it takes, each with the scopes it then needs. Empty: the specification does not say.
    pub tokens: &'static [(TokenKinds, &'static [&'static str])],
    /// How its body is written; `None` when it has none.
    pub media: Option<Media>,
}

impl Endpoint {
    /// All kinds of token that it takes.
    pub fn accepts(&self) -> TokenKinds {
        let kinds = self.tokens.iter().map(|(kinds, _)| *kinds);
        kinds.reduce(TokenKinds::or).unwrap_or(TokenKinds::ANY)
    }
}

impl Operation {
    /// What a generation says of it; `None` when it lacks the operation.
    pub fn endpoint(&self, generation: Generation) -> Option<&Endpoint> {
        match generation {
            Generation::V2 => self.v2.as_ref(),
            Generation::V3 => self.v3.as_ref(),
        }
    }

    /// The endpoint, its generation and the version to send, where `asked` is what the call or the client asks for.
    pub(super) fn choose(&self, asked: Option<ApiVersion>) -> Result<(&Endpoint, Generation, ApiVersion)> {
        let generation = asked.as_ref().map_or(self.home, Generation::of);
        let Some(endpoint) = self.endpoint(generation) else {
            let why = match generation {
                Generation::V2 => format!(
                    "{} is an operation of v3 only: ask for it by `ghl.v3()` or `.version(ApiVersion::V3)`",
                    self.name
                ),
                Generation::V3 => format!(
                    "{} is no operation of v3: leave the version out, or name a dated one for this call, such as `.version(ApiVersion::V2021_07_28)`",
                    self.name
                ),
            };
            return Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", self.name));
        };
        // Whoever asks for v3 asks for its paths and names; a few of its families are published under a dated version.
        let version = asked.filter(|asked| *asked != ApiVersion::V3).unwrap_or_else(|| endpoint.version.clone());
        Ok((endpoint, generation, version))
    }
}
