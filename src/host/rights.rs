//! What the program may do, and giving it up once everything is open: uid, capabilities, new privileges, writing, sockets.
//!
//! The order in which a session calls: open the device and the sockets of this room; [`leave`] (from here on files belong to
//! the invoking user); start the thread of this room, which calls [`confine`] as [`Role::Host`]; make the output folder;
//! [`confine`] as [`Role::Rest`] on the main thread; start the other threads, which inherit it. Each step is told, done or not: a kernel
//! that cannot do one of them is no reason not to capture.

use super::process::Process;
use super::values::{Measure, Rights, Role, Step, Taken};
use crate::wire::Text;
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// To see which sockets other users' processes hold: open their folders, and read where their files lead.
const LOOKING: CapabilitySet = CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH);

impl Rights {
    #[must_use]
    pub fn read() -> Self {
        let have = capabilities();
        Self {
            uid: rustix::process::geteuid().as_raw(),
            capture: have.contains(CapabilitySet::NET_RAW),
            see_others: have.contains(LOOKING),
            invoker: Invoker::of_this_process().map(|i| i.uid.as_raw()),
            landlock: landlock_abi(),
            seccomp: fs::exists("/proc/sys/kernel/seccomp").unwrap_or(false),
        }
    }
}

fn capabilities() -> CapabilitySet {
    rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
}

/// The kernel tells by doing, so a thread does it that ends right after.
fn landlock_abi() -> Option<i32> {
    let tried = std::thread::spawn(|| {
        let status = Ruleset::default().handle_access(AccessFs::Execute).ok()?.create().ok()?.restrict_self().ok()?;
        version(status.landlock)
    });
    tried.join().ok().flatten()
}

fn version(status: LandlockStatus) -> Option<i32> {
    match status {
        LandlockStatus::Available { effective_abi, kernel_abi } => Some(kernel_abi.unwrap_or(effective_abi as i32)),
        _ => None,
    }
}

/// The user on whose behalf the superuser acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invoker {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    groups: Vec<Gid>,
    pub(super) home: Option<PathBuf>,
    pub(super) name: Option<String>,
}

impl Invoker {
    /// Told by sudo(8) and pkexec(1), which only the superuser's processes may believe.
    pub(super) fn of_this_process() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let number = |name: &str| env::var(name).ok()?.parse::<u32>().ok();
        let uid = number("SUDO_UID").or_else(|| number("PKEXEC_UID")).filter(|uid| *uid != 0 && *uid != u32::MAX)?;
        let account = fs::read_to_string("/etc/passwd").ok().and_then(|accounts| {
            let account = accounts.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string()))?.to_owned();
            Some(account.split(':').map(str::to_owned).collect::<Vec<_>>())
        });
        let field = |n: usize| account.as_ref().and_then(|a| a.get(n)).filter(|f| !f.is_empty());
        let gid = number("SUDO_GID").or_else(|| field(3)?.parse().ok()).filter(|gid| *gid != u32::MAX)?;
        Some(Self {
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
            groups: groups_of_session(uid).unwrap_or_else(|| vec![Gid::from_raw(gid)]),
            home: field(5).map(PathBuf::from),
            name: field(0).cloned(),
        })
    }
}

/// The supplementary groups of the nearest ancestor that runs as the user: those of the session, wherever accounts are kept.
fn groups_of_session(uid: u32) -> Option<Vec<Gid>> {
    let own = Process::read(std::process::id())?;
    own.ancestors().find_map(|process| {
        let status = fs::read_to_string(process.file("status")).ok()?;
        let line = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).map(str::split_ascii_whitespace);
        (line("Uid:")?.next()?.parse() == Ok(uid)).then_some(())?;
        line("Groups:")?.map(|g| g.parse().map(Gid::from_raw).ok()).collect()
    })
}

fn told(what: &str, result: Result<(), rustix::io::Errno>, done: &str) -> Taken {
    match result {
        Ok(()) => Taken::Done(done.into()),
        Err(error) => Taken::Not(format!("{what}: {error}").as_str().into()),
    }
}

/// Gives up what the process was given: the superuser for the user who called, every capability, and the way to new ones.
/// The right to see other users' processes stays, if there, until [`confine`]: the thread of this room keeps it, and what
/// else it could do with it is forbidden there. For the calling thread and those it starts: call it before there are others.
pub fn leave() -> Vec<Step> {
    let mut steps = Vec::new();
    let mut step = |measure, taken| steps.push(Step { measure, taken });
    let kept = capabilities().intersection(LOOKING);
    let _ = rustix::thread::set_keep_capabilities(!kept.is_empty());
    step(Measure::User, become_invoker());
    step(Measure::Capabilities, drop_capabilities(kept));
    let _ = rustix::thread::set_keep_capabilities(false);
    step(Measure::NoNewPrivileges, told("prctl(PR_SET_NO_NEW_PRIVS)", rustix::thread::set_no_new_privs(true), "set"));
    steps
}

/// The home of the user who called for the superuser, if somebody did and has one.
#[must_use]
pub fn home_of_invoker() -> Option<PathBuf> {
    Invoker::of_this_process()?.home
}

/// Becomes the user who called for the superuser, for good: the calling thread and those it starts.
pub fn become_invoker() -> Taken {
    let Some(invoker) = Invoker::of_this_process() else {
        let uid = rustix::process::geteuid();
        return if uid.is_root() {
            Taken::Not("nobody called for the superuser by sudo: there is no other user to become".into())
        } else {
            Taken::NotNeeded(format!("uid {uid}").as_str().into())
        };
    };
    let Invoker { uid, gid, groups, .. } = invoker;
    let result = rustix::thread::set_thread_groups(&groups)
        .and_then(|()| rustix::thread::set_thread_res_gid(gid, gid, gid))
        .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid));
    told("setresuid", result, &format!("uid 0 became {uid}"))
}

fn drop_capabilities(kept: CapabilitySet) -> Taken {
    let had = rustix::thread::capabilities(None).map(|sets| sets.permitted);
    // The bounding set can only be narrowed with a right that is about to go; without it, no_new_privs does the same.
    for number in 0..64 {
        if let Some(one) = CapabilitySet::from_bits(1 << number)
            && rustix::thread::capability_is_in_bounding_set(one).unwrap_or(false)
        {
            let _ = rustix::thread::remove_capability_from_bounding_set(one);
        }
    }
    let none = CapabilitySet::empty();
    let kept = had.as_ref().map_or(none, |had| had.intersection(kept));
    let result = rustix::thread::clear_ambient_capability_set().or(Ok(())).and_then(|()| {
        rustix::thread::set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none })
    });
    match had {
        Ok(had) if had.is_empty() => Taken::NotNeeded("there were none".into()),
        Ok(had) if kept.is_empty() => told("capset", result, &names(had)),
        Ok(had) => told(
            "capset",
            result,
            &format!("{}; {} stay for looking at processes", names(had.difference(kept)), names(kept)),
        ),
        Err(error) => Taken::Not(format!("capget: {error}").as_str().into()),
    }
}

fn names(set: CapabilitySet) -> String {
    let all: Vec<_> = set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    if all.len() > 8 { format!("all {} of them", all.len()) } else { all.join(", ") }
}

/// Bars the calling thread, and those it starts, from what a session needs no more. `writes`: files and folders that stay
/// writable. `talks`: sockets stay allowed, because look-ups were asked for.
pub fn confine(role: Role, writes: &[&Path], talks: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    if role == Role::Rest {
        if !capabilities().is_empty() {
            steps.push(Step { measure: Measure::Capabilities, taken: drop_capabilities(CapabilitySet::empty()) });
        }
        steps.push(Step { measure: Measure::Landlock, taken: restrict_files(writes, talks) });
    }
    steps.push(Step { measure: Measure::Seccomp, taken: restrict_calls(role, talks) });
    steps
}

/// Writable whatever happens: the terminal and nothing.
const DEVICES: [&str; 2] = ["/dev/tty", "/dev/null"];

fn restrict_files(writes: &[&Path], talks: bool) -> Taken {
    let abi = ABI::V6;
    let restrict = || -> Result<RestrictionStatus, landlock::RulesetError> {
        let mut rules = Ruleset::default()
            .handle_access(AccessFs::from_write(abi) | AccessFs::Execute)?
            .scope(Scope::AbstractUnixSocket)?;
        if !talks {
            rules = rules.handle_access(AccessNet::from_all(abi))?;
        }
        let paths = writes.iter().copied().chain(DEVICES.iter().map(Path::new));
        rules.create()?.add_rules(path_beneath_rules(paths, AccessFs::from_write(abi)))?.restrict_self()
    };
    let folders: Vec<_> = writes.iter().map(|path| path.display().to_string()).collect();
    let folders = if folders.is_empty() {
        "writes nothing".to_owned()
    } else {
        format!("writes only below {}", folders.join(", "))
    };
    let status = match restrict() {
        Ok(status) => status,
        Err(error) => return Taken::Not(error.to_string().as_str().into()),
    };
    let detail: Text = format!("{folders} (version {})", version(status.landlock).unwrap_or_default()).as_str().into();
    match status.ruleset {
        RulesetStatus::FullyEnforced => Taken::Done(detail),
        RulesetStatus::PartiallyEnforced => Taken::Partly(detail),
        RulesetStatus::NotEnforced => Taken::Not("this kernel has no Landlock, or it is switched off".into()),
    }
}

/// Ways out of the process, and doors into the kernel that a capture needs not. A list of what is forbidden, not of what is
/// allowed: a library's next version may use another harmless call, and an audit must not die of it.
const FORBIDDEN: &[libc::c_long] = &[
    // Other programs and processes
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Namespaces, mounts, the root
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    // Parts of the kernel; io_uring would go round this filter
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_syslog,
    // The machine
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
];

/// New ways to the network. What is open stays open: the capture, which is bound again to an interface that went and came, and
/// the sockets that this room asks the kernel with.
const SOCKETS: &[libc::c_long] = &[libc::SYS_connect, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4];

/// Changes of files, for the thread that makes none.
const CHANGES: &[libc::c_long] = &[
    libc::SYS_openat2,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_truncate,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(not(target_arch = "riscv64"))]
    libc::SYS_renameat,
];

/// The same calls once more by the numbers of the x32 ABI, which the architecture check lets through.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;
/// x32's own execve, ptrace and execveat.
#[cfg(target_arch = "x86_64")]
const X32_OWN: [i64; 3] = [520, 521, 545];

fn restrict_calls(role: Role, talks: bool) -> Taken {
    match filter(role, talks).and_then(|filter| seccompiler::apply_filter(&filter).map_err(|e| e.to_string())) {
        Ok(()) if talks => Taken::Partly("no new programs; sockets stay allowed for --resolve".into()),
        Ok(()) if role == Role::Host => {
            Taken::Done("no new sockets but to the kernel (netlink), no programs, no changes to files".into())
        }
        Ok(()) => Taken::Done("no new sockets but to the kernel (netlink), no programs".into()),
        Err(error) => Taken::Not(error.as_str().into()),
    }
}

fn filter(role: Role, talks: bool) -> Result<BpfProgram, String> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut forbid = |call: i64, rule: Vec<SeccompRule>| {
        #[cfg(target_arch = "x86_64")]
        rules.insert(call | X32, rule.clone());
        rules.insert(call, rule);
    };
    for call in FORBIDDEN {
        forbid(*call, Vec::new());
    }
    #[cfg(target_arch = "x86_64")]
    for call in X32_OWN {
        forbid(call, Vec::new());
    }
    if !talks {
        for call in SOCKETS {
            forbid(*call, Vec::new());
        }
        // netlink(7) leads nowhere but to the kernel.
        let family = u64::from(libc::AF_NETLINK.unsigned_abs());
        let others = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family);
        let others = others.and_then(|condition| SeccompRule::new(vec![condition])).map_err(|e| e.to_string())?;
        forbid(libc::SYS_socket, vec![others]);
    }
    if role == Role::Host {
        for call in CHANGES {
            forbid(*call, Vec::new());
        }
        let writing = |argument: u8| {
            [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC]
                .map(|flag| u64::from(flag.unsigned_abs()))
                .map(|flag| {
                    let op = SeccompCmpOp::MaskedEq(flag);
                    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, flag)
                        .and_then(|c| SeccompRule::new(vec![c]))
                })
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| e.to_string())
        };
        forbid(libc::SYS_openat, writing(2)?);
        #[cfg(target_arch = "x86_64")]
        forbid(libc::SYS_open, writing(1)?);
    }
    let architecture = TargetArch::try_from(env::consts::ARCH).map_err(|e| e.to_string())?;
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, architecture).map_err(|e| e.to_string())?;
    filter.try_into().map_err(|e: seccompiler::BackendError| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::{Lookup, Owners, Watch};
    use super::*;
    use crate::wire::{End, TransportKind};
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;
    use std::thread;

    /// All of this holds for one thread, so a test may do it.
    fn in_a_thread(test: impl FnOnce() + Send + 'static) {
        thread::spawn(test).join().unwrap();
    }

    fn not(steps: &[Step]) -> Vec<&Step> {
        steps.iter().filter(|s| matches!(s.taken, Taken::Not(_))).collect()
    }

    #[test]
    fn who_has_left_has_no_right_and_gets_none() {
        in_a_thread(|| {
            let had = capabilities();
            let steps = leave();
            assert_eq!(steps.iter().map(|s| s.measure).collect::<Vec<_>>(), Measure::ALL[..3]);
            let Taken::Done(_) = steps[2].taken else { panic!("{steps:?}") };
            assert_eq!(matches!(steps[1].taken, Taken::NotNeeded(_)), had.is_empty(), "{steps:?}");
            assert_eq!(capabilities(), had.intersection(LOOKING));
            let status = fs::read_to_string("/proc/thread-self/status").unwrap();
            assert!(status.contains("NoNewPrivs:\t1"), "{status}");
            confine(Role::Rest, &[], true);
            assert_eq!(capabilities(), CapabilitySet::empty());
            let sets = rustix::thread::capabilities(None).unwrap();
            assert!(sets.permitted.is_empty() && sets.inheritable.is_empty());
            assert!(!Rights::read().capture);
        });
    }

    #[test]
    fn the_confined_write_where_they_may_and_reach_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("out");
        fs::create_dir(&inside).unwrap();
        let outside = folder.path().join("elsewhere");
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        if Rights::read().landlock.is_none() {
            let _ = writeln!(std::io::stderr(), "SKIPPED: this kernel has no Landlock");
            return;
        }
        in_a_thread(move || {
            rustix::thread::set_no_new_privs(true).unwrap();
            let steps = confine(Role::Rest, &[&inside], false);
            assert_eq!(not(&steps), Vec::<&Step>::new());
            fs::write(inside.join("evidence"), b"x").unwrap();
            fs::rename(inside.join("evidence"), inside.join("kept")).unwrap();
            fs::remove_file(inside.join("kept")).unwrap();
            fs::write("/dev/null", b"x").unwrap();
            assert_eq!(fs::write(&outside, b"x").unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
            assert!(fs::create_dir(&outside).is_err() && fs::rename(&inside, &outside).is_err());
            fs::read("/proc/self/status").unwrap();
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
            assert!(std::net::UdpSocket::bind("127.0.0.1:0").is_err());
            assert!(Command::new("true").status().is_err());
            // The threads it starts are no freer.
            let inherited = thread::spawn(move || fs::write(&outside, b"x").is_err());
            assert!(inherited.join().unwrap());
        });
    }

    #[test]
    fn the_thread_of_this_room_sees_processes_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"x").unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let [from, to] = [client.local_addr(), client.peer_addr()].map(|a| a.unwrap());
        let [from, to] = [from, to].map(|a| End { address: a.ip(), port: a.port() });
        in_a_thread(move || {
            let mut owners = Owners::new([], Watch::default());
            let could = capabilities().intersection(LOOKING);
            leave();
            let steps = confine(Role::Host, &[], false);
            assert_eq!(capabilities(), could);
            assert_eq!(not(&steps), Vec::<&Step>::new());
            assert_eq!(owners.ask((), TransportKind::Tcp, from, to), None);
            let ((), told) = owners.settle().pop().unwrap();
            assert!(matches!(&told, Lookup::Known { owner, .. } if owner.pid == std::process::id()), "{told:?}");
            assert_eq!(fs::read(&file).unwrap(), b"x");
            assert!(fs::write(&file, b"y").is_err() && fs::OpenOptions::new().append(true).open(&file).is_err());
            assert!(fs::remove_file(&file).is_err() && fs::create_dir(file.with_extension("d")).is_err());
            assert!(TcpStream::connect((from.address, to.port)).is_err());
        });
    }

    #[test]
    fn look_ups_keep_their_sockets_and_the_step_says_so() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        in_a_thread(move || {
            rustix::thread::set_no_new_privs(true).unwrap();
            let steps = confine(Role::Rest, &[], true);
            assert!(matches!(steps.last().unwrap().taken, Taken::Partly(_)), "{steps:?}");
            TcpStream::connect(server.local_addr().unwrap()).unwrap();
        });
    }
}
