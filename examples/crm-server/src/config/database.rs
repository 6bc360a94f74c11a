use std::{fmt, ops::Deref};

/// Where everything is kept. May hold a password: Debug shows the scheme alone.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// A URL of a database that this server can use.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let names_something = !rest.trim_start_matches('/').split('?').next().unwrap_or_default().is_empty();
        match matches!(scheme, "sqlite" | "postgres" | "postgresql") && names_something {
            true => Ok(Self(text.to_owned())),
            false => Err(
                "names no database: give sqlite://path/to/file.db, postgres://user:password@host:5432/database, or \
                          sqlite::memory: to forget everything"
                    .to_owned(),
            ),
        }
    }

    /// Whether processes of several machines may use it.
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
