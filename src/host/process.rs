//! What the machine tells of a process: name, executable, start, parents, and what it was started in. Source: proc(5),
//! cgroups(7). Names and paths are whatever the program's author wrote.

use crate::attribution::Owner;
use crate::attribution::OwnerMatch;
use crate::wire::{Text, Timestamp};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes read of any file under /proc.
const MAX_FILE: u64 = 64 * 1024;
/// Ancestors that are looked at; a desktop's chain has five or six.
const MAX_ANCESTORS: usize = 32;
/// Ancestors that are told.
const MAX_PARENTS: usize = 8;
/// The kernel cuts `comm` to this many bytes (TASK_COMM_LEN - 1).
const COMM_LEN: usize = 15;

/// A process. Its number is used again after its end; number and start together are not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub pid: u32,
    /// Start in clock ticks after boot.
    pub(super) ticks: u64,
    pub parent: u32,
    /// The short name (`comm`) of its main thread.
    pub name: Text,
}

/// Number and start.
pub(super) type Identity = (u32, u64);

impl Process {
    /// A process as it is now; `None` if there is none of that number.
    #[must_use]
    pub fn read(pid: u32) -> Option<Self> {
        let stat = read(Path::new("/proc").join(pid.to_string()).join("stat"))?;
        Self::parse(pid, &stat)
    }

    /// `pid (comm) state ppid …`; the name may hold anything, even `)`.
    fn parse(pid: u32, stat: &[u8]) -> Option<Self> {
        let open = stat.iter().position(|b| *b == b'(')?;
        let close = stat.iter().rposition(|b| *b == b')')?;
        let name = Text::from_wire(stat.get(open + 1..close)?);
        let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        // Field 22 of the file; the parent is field 4.
        let ticks = fields.nth(17)?.parse().ok()?;
        Some(Self { pid, ticks, parent, name })
    }

    #[must_use]
    pub(super) const fn identity(&self) -> Identity {
        (self.pid, self.ticks)
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_there(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.ticks == self.ticks)
    }

    /// Path of the executable as the process itself sees it; empty without the right to know.
    #[must_use]
    pub fn path(&self) -> Text {
        fs::read_link(self.file("exe")).map(|p| Text::from_wire(p.as_os_str().as_bytes())).unwrap_or_default()
    }

    /// The Flatpak, Snap, container or unit that it was started in; empty if none.
    #[must_use]
    pub fn container(&self) -> Text {
        let cgroup = read(self.file("cgroup")).unwrap_or_default();
        container(&String::from_utf8_lossy(&cgroup)).as_str().into()
    }

    /// When it started, by the clock of now; good to a second, like the boot time it rests on.
    #[must_use]
    pub fn started(&self) -> Option<Timestamp> {
        let stat = read("/proc/stat".into())?;
        let line = stat.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
        let boot: u64 = std::str::from_utf8(line).ok()?.trim().parse().ok()?;
        let hertz = rustix::param::clock_ticks_per_second().max(1);
        let nanos = boot.checked_mul(1_000_000_000)?.checked_add(self.ticks.checked_mul(1_000_000_000)? / hertz)?;
        Some(Timestamp(nanos))
    }

    /// The processes it descends from, nearest first; ends where one is gone or younger than its child.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = Self> {
        let older = |child: &Self| Self::read(child.parent).filter(|parent| parent.ticks <= child.ticks);
        std::iter::successors(older(self), move |process| older(process)).take(MAX_ANCESTORS)
    }

    /// Whether one of these is the name of its short name, its executable or the name it was called by.
    #[must_use]
    pub fn is_called(&self, names: &[Box<str>]) -> bool {
        let comm = self.name.exact();
        let short = |name: &str| name.get(..COMM_LEN).unwrap_or(name).eq_ignore_ascii_case(comm);
        if names.iter().any(|name| short(name)) {
            return true;
        }
        let path = self.path();
        let path = path.exact().strip_suffix(" (deleted)").unwrap_or(path.exact());
        let command = read(self.file("cmdline")).unwrap_or_default();
        let called = Text::from_wire(command.split(|b| *b == 0).next().unwrap_or_default());
        let file = |path: &str, name: &str| path.rsplit('/').next().is_some_and(|file| file.eq_ignore_ascii_case(name));
        names.iter().any(|name| file(path, name) || file(called.exact(), name))
    }

    /// Everything that is told of the program behind a flow.
    #[must_use]
    pub fn owner(&self, matched: OwnerMatch) -> Owner {
        Owner {
            pid: self.pid,
            name: self.name.clone(),
            path: self.path(),
            started: self.started(),
            container: self.container(),
            parents: self.ancestors().take(MAX_PARENTS).map(|p| (p.pid, p.name)).collect(),
            matched,
        }
    }

    pub(super) fn file(&self, name: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join(name)
    }
}

/// Every process there is.
pub(super) fn all() -> impl Iterator<Item = Process> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| Process::read(entry.ok()?.file_name().to_str()?.parse().ok()?))
}

fn read(path: std::path::PathBuf) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What a control group's path says of who started its processes.
fn container(cgroup: &str) -> String {
    // Version 2 has the single line `0::PATH`; of version 1 the longest path says most.
    let path = cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2)).max_by_key(|path| path.len());
    let mut found = String::new();
    for part in path.unwrap_or_default().split('/') {
        if let Some(named) = component(part) {
            found = named;
        }
    }
    found
}

/// Hexadecimal ids are cut as their own tools cut them.
const SHORT_ID: usize = 12;

fn component(part: &str) -> Option<String> {
    let (stem, kind) = part
        .rsplit_once('.')
        .filter(|(_, kind)| matches!(*kind, "scope" | "service" | "slice"))
        .map_or((part, ""), |(stem, kind)| (stem, kind));
    let stem = unescape(stem);
    let id = |text: &str| {
        let hex = text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| text.get(..SHORT_ID).unwrap_or_default().to_owned())
    };
    for (prefix, kind) in
        [("docker-", "docker"), ("libpod-", "podman"), ("cri-containerd-", "containerd"), ("crio-", "cri-o")]
    {
        if let Some(id) = stem.strip_prefix(prefix).and_then(id) {
            return Some(format!("{kind} {id}"));
        }
    }
    if kind.is_empty() {
        let lxc = stem.strip_prefix("lxc.payload.").map(|name| format!("lxc {name}"));
        return lxc.or_else(|| id(&stem).map(|id| format!("container {id}")));
    }
    if kind == "slice" {
        return None;
    }
    // XDG: app[-LAUNCHER]-ID[-RANDOM].scope; Flatpak is its own launcher.
    if let Some(rest) = stem.strip_prefix("app-flatpak-") {
        let id = rest.rsplit_once('-').map_or(rest, |(id, _)| id);
        return Some(format!("flatpak {id}"));
    }
    if let Some(rest) = stem.strip_prefix("snap.") {
        return Some(format!("snap {}", rest.split('.').next().unwrap_or(rest)));
    }
    if let Some(name) = stem.strip_prefix("machine-") {
        return Some(format!("machine {name}"));
    }
    let session = kind == "scope" && (stem.starts_with("session-") || stem == "init");
    let manager = kind == "service" && stem.starts_with("user@");
    (!session && !manager).then(|| format!("unit {stem}.{kind}"))
}

/// systemd writes unusual characters of unit names as `\xNN` (systemd.unit(5)).
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        if let Some(byte) = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.extend_from_slice(b"\\x");
            rest = after;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_is_known_with_its_name_program_start_and_parents() {
        let before = rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec;
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let process = Process::read(child.id()).unwrap();
        let owner = process.owner(OwnerMatch::Socket);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!process.is_there());
        let shown = (owner.name.exact(), owner.path.exact());
        // Some systems have all their small tools in one program.
        assert!(shown.0 == "sleep" && shown.1.starts_with('/'), "{owner:?}");
        let started = i64::try_from(owner.started.unwrap().secs()).unwrap();
        assert!((before - 2..before + 60).contains(&started), "{started} {before}");
        assert_eq!(owner.parents[0].0, std::process::id());
        let own = Process::read(std::process::id()).unwrap();
        assert_eq!(owner.parents[0].1, own.name);
        assert!(owner.parents.len() <= MAX_PARENTS);
    }

    #[test]
    fn a_name_may_hold_anything() {
        let stat = b"42 (a) b) (c\xff) S 7 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 900 0 0";
        let process = Process::parse(42, stat).unwrap();
        assert_eq!((process.name.exact(), process.parent, process.ticks), ("a) b) (c\\xff", 7, 900));
        for end in 0..stat.len() - 6 {
            assert!(Process::parse(42, &stat[..end]).is_none(), "{end}");
        }
    }

    #[test]
    fn a_program_is_known_by_any_of_its_names() {
        let named = |name: &str| [Box::from(name)];
        let process = Process::read(std::process::id()).unwrap();
        let path = process.path();
        let file = path.exact().rsplit('/').next().unwrap();
        assert!(process.is_called(&named(file)) && process.is_called(&named(&file.to_ascii_uppercase())));
        assert!(!process.is_called(&named("zoom")));
        let long = Process { name: "ZoomWebviewHost".into(), ..process };
        assert!(long.is_called(&named("ZoomWebviewHost64")) && !long.is_called(&named("ZoomWebview")));
    }

    #[test]
    fn control_groups_tell_who_started_a_program() {
        let hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for (path, told) in [
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-us.zoom.Zoom-4711.scope".into(),
                "flatpak us.zoom.Zoom",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.zoom-client.zoom-client-8d1c.scope"
                    .into(),
                "snap zoom-client",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox\\x2desr-77.scope".into(),
                "unit app-gnome-firefox-esr-77.scope",
            ),
            ("/system.slice/cups.service".into(), "unit cups.service"),
            ("/user.slice/user-1000.slice/session-2.scope".into(), ""),
            ("/user.slice/user-1000.slice/user@1000.service/init.scope".into(), ""),
            (format!("/system.slice/docker-{hex}.scope"), "docker 0123456789ab"),
            (format!("/docker/{hex}"), "container 0123456789ab"),
            (format!("/machine.slice/libpod-{hex}.scope"), "podman 0123456789ab"),
            (format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{hex}.scope"), "containerd 0123456789ab"),
            ("/lxc.payload.web/init.scope".into(), "lxc web"),
            ("/machine.slice/machine-deb\\x2d12.scope".into(), "machine deb-12"),
            ("/".into(), ""),
        ] {
            assert_eq!(container(&format!("0::{path}\n")), told, "{path}");
        }
        assert_eq!(container(&format!("12:pids:/docker/{hex}\n1:name=systemd:/\n0::/\n")), "container 0123456789ab");
        assert_eq!(container("nonsense"), "");
    }
}
