//! Tokens, leases and living processes in one JSON file that processes of one machine share: three of the ports, on a store
//! of one's own. `tests/conformance.rs` shows that it is as good as the built-in ones.

mod content;
mod ports;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use sidecar_core::{StoreError, SystemClock, vault::Vault};

use content::Content;

/// The file and the keys it is sealed with.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    vault: Vault,
    clock: SystemClock,
}

impl FileStore {
    /// A store in this file, which need not exist yet. Its folder must.
    pub fn new(path: impl Into<PathBuf>, vault: Vault) -> Self {
        Self { path: path.into(), vault, clock: SystemClock::new() }
    }

    /// One transaction: whoever writes is alone, and what it wrote is on the disk before anybody hears of it.
    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> Result<T, StoreError> {
        self.try_change(change).map_err(unusable)
    }

    fn try_change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        let lock = File::create(self.path.with_extension("lock"))?;
        lock.lock()?; // until it is dropped
        let mut content = self.try_read()?;
        let answer = change(&mut content);
        let next = self.path.with_extension("next");
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec(&content)?)?;
        file.sync_all()?;
        fs::rename(next, &self.path)?;
        File::open(self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref()))?
            .sync_all()?;
        Ok(answer)
    }

    /// The last whole content: a rename replaces the file in one step.
    fn read(&self) -> Result<Content, StoreError> {
        self.try_read().map_err(unusable)
    }

    fn try_read(&self) -> io::Result<Content> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Content::default()),
            Err(error) => Err(error),
        }
    }
}

fn unusable(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::InvalidData => StoreError::broken("the file is damaged").with_source(error),
        _ => StoreError::unavailable("the file cannot be used").with_source(error),
    }
}
