//! A custom store: three of Sidecar's ports (tokens, leases, processes) on one JSON file that the processes of a machine share.
//! `tests/conformance.rs` runs the conformance tests of the built-in stores.

mod content;
mod ports;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use sidecar_core::{StoreError, SystemClock, vault::Vault};

use content::Content;

/// A store in a JSON file; the vault seals the tokens.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    vault: Vault,
    clock: SystemClock,
}

impl FileStore {
    /// Returns a store in this file. The file may be missing, but its folder must exist.
    pub fn new(path: impl Into<PathBuf>, vault: Vault) -> Self {
        Self { path: path.into(), vault, clock: SystemClock::new() }
    }

    /// Runs a transaction: holds the file lock while `change` runs, and writes the result to the disk before returning.
    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> Result<T, StoreError> {
        self.try_change(change).map_err(store_error)
    }

    fn try_change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        let lock = File::create(self.path.with_extension("lock"))?;
        lock.lock()?; // released on drop
        let mut content = self.try_read()?;
        let result = change(&mut content);
        let next = self.path.with_extension("next");
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec(&content)?)?;
        file.sync_all()?;
        fs::rename(next, &self.path)?;
        File::open(self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref()))?
            .sync_all()?;
        Ok(result)
    }

    /// Reads the last complete content, because a rename replaces the file atomically.
    fn read(&self) -> Result<Content, StoreError> {
        self.try_read().map_err(store_error)
    }

    fn try_read(&self) -> io::Result<Content> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Content::default()),
            Err(error) => Err(error),
        }
    }
}

fn store_error(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::InvalidData => StoreError::broken("the file is damaged").with_source(error),
        _ => StoreError::unavailable("the file cannot be used").with_source(error),
    }
}
