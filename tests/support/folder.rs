//! Folders that go with the test.

use std::path::{Path, PathBuf};

/// A folder of the test's own, removed when it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder below the machine's temporary one.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sidecar-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The address of a SQLite file in it.
    pub fn sqlite(&self, name: &str) -> String {
        format!("sqlite://{}", self.file(name).display())
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A file that a dying program still holds does no harm in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
