//! Temporary folders.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A folder, removed on drop.
#[derive(Debug)]
pub struct TempFolder(PathBuf, Disk);

/// The disk that the folder is on.
#[derive(Debug, PartialEq, Eq)]
enum Disk {
    Shared,
    Mounted,
}

impl TempFolder {
    /// Creates an empty folder below the machine's temporary folder.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sidecar-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path, Disk::Shared)
    }

    /// Mounts a disk of `mib` MiB as a folder; `None` unless the process runs as root.
    pub fn small(mib: u32) -> Option<Self> {
        let mut folder = Self::new();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(folder.path()).stderr(Stdio::null());
        if !mount.status().is_ok_and(|status| status.success()) {
            return None;
        }
        folder.1 = Disk::Mounted;
        Some(folder)
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Returns the URL of a SQLite file in it.
    pub fn sqlite(&self, name: &str) -> String {
        format!("sqlite://{}", self.file(name).display())
    }
}

impl Default for TempFolder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if self.1 == Disk::Mounted {
            // Lazily: a killed program may still use it.
            let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        }
        // A killed program may still hold a file open; the leftover is harmless in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
