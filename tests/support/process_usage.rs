//! Memory and CPU time of running processes, from `/proc`.

use std::{fs, time::Duration};

/// Linux's unit of CPU time (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// A process's memory, in MiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// Resident now.
    pub now: f64,
    /// The maximum so far.
    pub peak: f64,
}

impl Memory {
    /// Reads the memory of the process `id`.
    ///
    /// # Panics
    /// If the process does not exist.
    pub fn of(id: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
        };
        Self { now: field("VmRSS:"), peak: field("VmHWM:") }
    }
}

/// Returns the user and system CPU time of the process `id`, including its ended children.
///
/// # Panics
/// If the process does not exist.
pub fn cpu(id: u32) -> Duration {
    stat(id).unwrap().cpu
}

/// Returns [`cpu`] of a process and its running children, such as those of a PostgreSQL server.
///
/// # Panics
/// If the process does not exist.
pub fn cpu_with_children(id: u32) -> Duration {
    let names = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let processes = names.filter_map(|name| stat(name.parse().ok()?));
    cpu(id) + processes.filter(|process| process.parent == id).map(|process| process.cpu).sum::<Duration>()
}

/// Returns the parent of the process `id`; `None` if the process does not exist.
pub fn parent(id: u32) -> Option<u32> {
    stat(id).map(|process| process.parent)
}

struct Stat {
    parent: u32,
    cpu: Duration,
}

/// Parses the fields after the name, which may contain spaces: the second is the parent, the 12th to 15th are CPU times.
fn stat(id: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u32 = fields.get(11..15)?.iter().filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, cpu: TICK * ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_has_a_parent() {
        let id = std::process::id();
        let memory = Memory::of(id);
        assert!(memory.now > 0.5 && memory.peak >= memory.now, "{memory:?}");
        assert!(parent(id).is_some_and(|parent| parent > 0));
        assert!(cpu_with_children(id) >= cpu(id));
    }
}
