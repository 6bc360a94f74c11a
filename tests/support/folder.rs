//! Folders that go with the test.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A folder of the test's own, removed when it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf, Disk);

/// What it is on.
#[derive(Debug, PartialEq, Eq)]
enum Disk {
    Shared,
    Own,
}

impl Folder {
    /// An empty folder below the machine's temporary one.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sidecar-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path, Disk::Shared)
    }

    /// One on a disk of its own, of so many MiB. Only root can make one.
    pub fn small(mib: u32) -> Option<Self> {
        let mut folder = Self::new();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(folder.path()).stderr(Stdio::null());
        if !mount.status().is_ok_and(|status| status.success()) {
            return None;
        }
        folder.1 = Disk::Own;
        Some(folder)
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
        if self.1 == Disk::Own {
            // Lazily: a dying program may still be in it.
            let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        }
        // A file that a dying program still holds does no harm in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
