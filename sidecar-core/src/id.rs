//! Typed identifiers: the id of a contact cannot be passed where a location is meant.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An identifier of a `K`, as the provider wrote it. Cheap to clone.
///
/// `K` is only a name; crates define an empty enum and an alias:
///
/// ```
/// use sidecar_core::Id;
/// pub enum Contact {}
/// pub type ContactId = Id<Contact>;
///
/// let id = ContactId::from("ocQHyuzHvysMo5N5VsXc");
/// assert_eq!(format!("{id} {id:?}"), "ocQHyuzHvysMo5N5VsXc Contact(ocQHyuzHvysMo5N5VsXc)");
/// ```
pub struct Id<K: ?Sized>(Arc<str>, PhantomData<fn() -> K>);

/// The kind of an [`OrganizationId`].
#[derive(Debug)]
pub enum Organization {}
/// A tenant of the embedding application. Every stored row belongs to one.
pub type OrganizationId = Id<Organization>;

impl<K: ?Sized> Id<K> {
    /// Wraps an identifier without checking it; requests refuse identifiers that cannot stand in a path.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into(), PhantomData)
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K: ?Sized> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<K: ?Sized> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: ?Sized> Eq for Id<K> {}

impl<K: ?Sized> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: ?Sized> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K: ?Sized> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: ?Sized> Borrow<str> for Id<K> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<K: ?Sized> AsRef<str> for Id<K> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<K: ?Sized> From<&str> for Id<K> {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

impl<K: ?Sized> From<String> for Id<K> {
    fn from(id: String) -> Self {
        Self::new(id)
    }
}

impl<K: ?Sized> From<&Id<K>> for Id<K> {
    fn from(id: &Id<K>) -> Self {
        id.clone()
    }
}

impl<K: ?Sized> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K: ?Sized> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = std::any::type_name::<K>();
        write!(f, "{}({})", kind.rsplit("::").next().unwrap_or(kind), self.0)
    }
}

impl<K: ?Sized> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, K: ?Sized> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Arc::<str>::deserialize(deserializer).map(|id| Self(id, PhantomData))
    }
}
