use std::{borrow::Cow, sync::Arc};

use crate::id::OrganizationId;

/// The longest id of a record, in bytes. PostgreSQL cannot index a row of more than about 2,700 bytes, and the longest known id
/// of a provider has about 60.
pub const MAX_RECORD_ID_BYTES: usize = 512;

/// The identity of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// The tenant.
    pub organization: OrganizationId,
    /// The kind of record: `contact`, `location`, `appointment`.
    pub kind: Cow<'static, str>,
    /// The provider's id: 1 to [`MAX_RECORD_ID_BYTES`] bytes without control characters.
    pub id: Arc<str>,
}

impl RecordKey {
    /// Checks that every store can hold the id.
    ///
    /// # Errors
    /// [`InvalidRecordId`]: it is empty, too long, or contains a control character, such as NUL.
    pub fn check(&self) -> Result<(), InvalidRecordId> {
        match &*self.id {
            "" => Err(InvalidRecordId::Empty),
            id if id.len() > MAX_RECORD_ID_BYTES => Err(InvalidRecordId::TooLong { bytes: id.len() }),
            id if id.contains(char::is_control) => Err(InvalidRecordId::ControlCharacter),
            _ => Ok(()),
        }
    }
}

/// Why no store can hold a record with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRecordId {
    /// The id is empty.
    #[error("the id is empty")]
    Empty,
    /// The id is longer than [`MAX_RECORD_ID_BYTES`].
    #[error("the id has {bytes} bytes; at most {MAX_RECORD_ID_BYTES} are allowed")]
    TooLong {
        /// The length of the id.
        bytes: usize,
    },
    /// The id contains a control character.
    #[error("the id contains a control character")]
    ControlCharacter,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str) -> Result<(), InvalidRecordId> {
        RecordKey { organization: "org".into(), kind: "contact".into(), id: id.into() }.check()
    }

    #[test]
    fn ids_of_providers_are_valid() {
        for id in ["ocQHyuzHvysMo5N5VsXc", "17", "a/b c", "ü", "_id-9.x", &"i".repeat(MAX_RECORD_ID_BYTES)] {
            assert_eq!(check(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn ids_that_a_database_cannot_store_are_invalid() {
        assert_eq!(check(""), Err(InvalidRecordId::Empty));
        assert_eq!(check(&"i".repeat(9_000)), Err(InvalidRecordId::TooLong { bytes: 9_000 }));
        for id in ["bk\0", "\0", "a\nb", "\u{7f}", "\u{85}"] {
            assert_eq!(check(id), Err(InvalidRecordId::ControlCharacter), "{id:?}");
        }
    }
}
