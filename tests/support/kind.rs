//! The kinds of database that the same claim is shown on.

use std::fmt;

use crate::{Database, Folder, fresh_database};

/// Which kind a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A database of the shared instance.
    Postgres,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// Makes tests `name::sqlite` and `name::postgres` of an async function of that name, which takes the [`Kind`].
#[macro_export]
macro_rules! on_each_database {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$name($crate::Kind::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$name($crate::Kind::Postgres).await;
            }
        }
    };
}

/// An empty database of the test's own, gone with this value.
#[derive(Debug)]
pub enum Home {
    /// A file in a folder.
    Sqlite(Folder),
    /// On the shared instance.
    Postgres(Database),
}

impl Home {
    /// A new one.
    ///
    /// # Panics
    /// As [`fresh_database`].
    pub async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite(Folder::new()),
            Kind::Postgres => Self::Postgres(fresh_database().await),
        }
    }

    /// The address, as a store takes it.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => folder.sqlite("test.db"),
            Self::Postgres(database) => database.url(),
        }
    }
}
