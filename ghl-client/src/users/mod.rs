//! The users of companies and their locations: search, read, write.
//!
//! Invariant: a user belongs to a company and is visible from each of its locations, so every request names the owner of its token:
//! the location, or the company with `as_company`. Searches and creates use the token of the company.

mod read;
mod search;
mod write;

pub use read::{DeleteUser, GetUser};
pub use search::{FindByEmail, SearchUsers};
pub use write::{CreateUser, UpdateUser};

use crate::client::{GhlClient, TokenKinds};

/// The kinds of token with which users are seen.
const EITHER: TokenKinds = TokenKinds::ANY;

/// The users family. From [`GhlClient::users`].
#[derive(Debug, Clone)]
pub struct Users(pub(crate) GhlClient);

impl GhlClient {
    /// The users of companies and their locations.
    pub fn users(&self) -> Users {
        Users(self.clone())
    }
}

impl Users {}
