//! Conference clients that run on this machine, by the names that the service profiles give their programs.

use super::process::{self, Process};
use super::values::Running;
use hashbrown::HashSet;

/// Clients listed; nobody has more open.
const MAX_CLIENTS: usize = 256;

/// The running clients, oldest first. `programs`: services with the names of their programs.
#[must_use]
pub fn running(programs: &[(Box<str>, Vec<Box<str>>)]) -> Vec<Running> {
    let own = std::process::id();
    let services = |process: &Process| -> Vec<Box<str>> {
        programs.iter().filter(|(_, names)| process.is_called(names)).map(|(service, _)| service.clone()).collect()
    };
    let mut all: Vec<_> = process::all().filter(|p| p.pid != own).collect();
    all.sort_unstable_by_key(Process::age);
    let mut seen: HashSet<u32> = HashSet::new();
    let mut found = Vec::new();
    for process in all {
        // Parents come first.
        if seen.contains(&process.parent) {
            seen.insert(process.pid);
            continue;
        }
        let services = services(&process);
        if !services.is_empty() && found.len() < MAX_CLIENTS {
            seen.insert(process.pid);
            found.push(Running { process, services });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};

    #[test]
    fn a_client_is_listed_once_with_its_services() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("zollhund-test-client");
        symlink("/bin/sh", &program).unwrap();
        // A shell that waits for a child of the same name.
        let mut child = Command::new(&program)
            .arg("-c")
            .arg(format!("'{}' -c 'read x; exit 0'; exit 0", program.display()))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let programs: Vec<(Box<str>, Vec<Box<str>>)> = ["one", "two", "three"]
            .map(|service| {
                (service.into(), vec![if service == "three" { "another" } else { "zollhund-test-client" }.into()])
            })
            .into();
        let ours: Vec<_> = running(&programs).into_iter().filter(|r| r.process.pid == child.id()).collect();
        let listed = running(&programs).len();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(ours.len(), 1);
        assert_eq!(ours[0].services, ["one".into(), "two".into()]);
        assert_eq!(listed, 1);
        assert_eq!(running(&programs), []);
    }
}
