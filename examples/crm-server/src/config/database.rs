use std::{fmt, ops::Deref};

/// The database URL. May contain a password: `Debug` shows only the scheme.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Parses the URL of a database that this server supports.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let has_name = !rest.trim_start_matches('/').split('?').next().unwrap_or_default().is_empty();
        match matches!(scheme, "sqlite" | "postgres" | "postgresql") && has_name {
            true => Ok(Self(text.to_owned())),
            false => Err(
                "is not a database URL: give sqlite://path/to/file.db, postgres://user:password@host:5432/database, or \
                          sqlite::memory: for a database that is lost at exit"
                    .to_owned(),
            ),
        }
    }

    /// Whether processes on several machines can use it.
    pub(super) fn is_shared(&self) -> bool {
        !self.0.starts_with("sqlite:")
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self("sqlite://sidecar.db".to_owned())
    }
}

impl Deref for DatabaseUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.split_once(':').map_or("", |(scheme, _)| scheme);
        write!(f, "\"{scheme}:[not shown]\"")
    }
}
