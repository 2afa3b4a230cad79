//! One client in a network of its own: user, network and mount namespaces (namespaces(7)), joined to the outside by a program
//! that carries its connections on in user mode (pasta or slirp4netns). Every packet there is the client's, and no right is
//! needed where user namespaces are allowed. Display, sound and portals are files and sockets in the file system, which
//! stays as it is, but for two things: the resolver's configuration, where it points to this machine itself, and the local
//! sockets through which names could be asked for past the capture.

use super::nat::{self, Nat, missing_for_nat};
use super::process;
use super::rights::{self, Invoker};
use crate::wire::Text;
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions};
use rustix::thread::UnshareFlags;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// What of the session a client in a network of its own would not reach, by the variables that lead there: abstract sockets
/// and the loopback belong to the network, files do not. Ask outside.
#[must_use]
pub fn unreachable() -> Vec<&'static str> {
    let sockets = fs::read_to_string("/proc/self/net/unix").unwrap_or_default();
    let is_abstract = |file: &str| {
        let name = format!("@{file}");
        !Path::new(file).exists() && sockets.lines().any(|line| line.ends_with(&name))
    };
    let leads = |name, check: &dyn Fn(&str) -> bool| env::var(name).is_ok_and(|value| check(&value)).then_some(name);
    let display = leads("DISPLAY", &|value| leads_past_files(value, is_abstract));
    display.into_iter().chain(leads("DBUS_SESSION_BUS_ADDRESS", &is_abstract_bus)).collect()
}

/// X(7): `host:display.screen`. Without a host it is a socket in the file system if there is one, else an abstract one.
fn leads_past_files(display: &str, is_abstract: impl Fn(&str) -> bool) -> bool {
    let Some((host, number)) = display.rsplit_once(':') else { return false };
    let number = number.split('.').next().unwrap_or_default();
    match host.trim_end_matches('/') {
        "" | "unix" => is_abstract(&format!("/tmp/.X11-unix/X{number}")),
        host => host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

/// D-Bus Specification, "Server Addresses": alternatives, of which one that is a file will do.
fn is_abstract_bus(addresses: &str) -> bool {
    let mut all = addresses.split(';').filter(|address| !address.is_empty()).peekable();
    all.peek().is_some() && all.all(|address| address.starts_with("unix:abstract=") || address.starts_with("tcp:"))
}

/// The client's only interface beside the loopback.
pub const INTERFACE: &str = "tap0";

/// Where the client asks for names if the machine's resolver listens on the loopback only, which the client does not share:
/// a link-local address (RFC 3927), so that it is nobody else's.
const FORWARDER: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 53);
/// slirp4netns(1): its built-in one.
const SLIRP_FORWARDER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
/// As on the ways outside: with the 64 KiB that user-mode networks like, no packet would look as it does there.
const MTU: &str = "1500";
/// How long the network may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(10);

/// Sockets of services that resolve names in the client's stead, outside its network.
const RESOLVERS: [&str; 4] =
    ["/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket", "/var/run/nscd/socket", "/run/avahi-daemon/socket"];

/// Runs the helper once told to, and ends it when this program is gone, however it went.
const LAUNCHER: &str = r#"
read -r go || exit 0
exec 3<&0
"$@" 3<&- </dev/null & helper=$!
{ cat <&3; kill "$helper"; } >/dev/null 2>&1 & guard=$!
wait "$helper"; status=$?
kill "$guard" 2>/dev/null
wait "$guard" 2>/dev/null
exit "$status"
"#;

const FALLBACK: &str = "or start the client yourself and watch it with `zollhund watch --pid PID`";

/// Why the client has no network of its own, and the cure.
#[derive(Debug, thiserror::Error)]
pub enum IsolateError {
    #[error(
        "cannot give the client a network of its own: neither pasta nor slirp4netns is installed; install the package \
         passt, {FALLBACK}"
    )]
    NoHelper,
    #[error(
        "cannot give the superuser's client a network of its own: pasta serves ordinary users only, slirp4netns is not \
         installed, and for NAT {missing} is missing; run this as an ordinary user, or install what is missing"
    )]
    NoHelperForRoot { missing: Text },
    #[error("cannot use {name}: it is not installed; install it, or leave out --network")]
    NotInstalled { name: &'static str },
    #[error("cannot make a user namespace: {why}; {cure}, {FALLBACK}")]
    Forbidden { why: Text, cure: Text },
    #[error("cannot open /dev/net/tun, which {name} needs: {error}; {cure}, {FALLBACK}")]
    Tun { name: &'static str, error: io::Error, cure: &'static str },
    #[error("{name} did not bring up the client's network: {said}; {FALLBACK}")]
    Helper { name: &'static str, said: Text },
    #[error("cannot {what} for the client: {error}; {FALLBACK}")]
    Step { what: &'static str, error: io::Error },
    #[error(
        "cannot join the client's network by NAT: {why}; run it as an ordinary user with the package passt, {FALLBACK}"
    )]
    Nat { why: Text },
    #[error("cannot start {name}: {error}; check its name and that it may be run")]
    Client { name: Text, error: io::Error },
}

/// What keeps ordinary users from making user namespaces: the setting, and how to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub why: Text,
    pub cure: Text,
}

/// Settings of the kernel and of distributions, with the value that forbids.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("user.max_user_namespaces", "0", "15000"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
];

/// The setting that forbids user namespaces to ordinary users, if one does. A container's own filter is not seen here.
#[must_use]
pub fn obstacle() -> Option<Obstacle> {
    SETTINGS.iter().find_map(|(name, forbidding, allowing)| {
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        (fs::read_to_string(path).ok()?.trim() == *forbidding).then(|| Obstacle {
            why: format!("{name} is {forbidding}").as_str().into(),
            cure: format!("allow it with `sudo sysctl {name}={allowing}`").as_str().into(),
        })
    })
}

/// How a namespace is joined to the outside: by a program that carries its connections on, or by this machine's kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pasta,
    Slirp,
    /// veth and NAT; the superuser's only.
    Nat,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Pasta => "pasta",
            Self::Slirp => "slirp4netns",
            Self::Nat => "NAT",
        }
    }
}

/// Where a program is, on the path or where administrators' programs are.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Which program would carry connections on, and whether the device it needs can be opened.
#[must_use]
pub fn helper() -> Option<(PathBuf, io::Result<()>)> {
    let (_, path) = find_helper(rustix::process::geteuid().is_root() && Invoker::of_this_process().is_none())?;
    Some((path, tun()))
}

fn find_helper(superuser: bool) -> Option<(Kind, PathBuf)> {
    let kinds: &[Kind] = if superuser { &[Kind::Slirp] } else { &[Kind::Pasta, Kind::Slirp] };
    kinds.iter().find_map(|kind| Some((*kind, find_program(kind.name())?)))
}

/// The wanted way, or the one that changes least of this machine: NAT only where nothing else will do.
fn choose(wanted: Option<Kind>, root: bool, invoked: bool) -> Result<(Kind, PathBuf), IsolateError> {
    let (superuser, shell) = (root && !invoked, PathBuf::from("/bin/sh"));
    match wanted {
        Some(Kind::Nat) if !root => {
            Err(IsolateError::Nat { why: "only the superuser may; put `sudo` in front".into() })
        }
        Some(Kind::Nat) => Ok((Kind::Nat, shell)),
        Some(Kind::Pasta) if superuser => {
            Err(IsolateError::NoHelperForRoot { missing: "nothing, if you leave out --network,".into() })
        }
        Some(kind) => {
            let name = kind.name();
            Ok((kind, find_program(name).ok_or(IsolateError::NotInstalled { name })?))
        }
        None => {
            let helper = find_helper(superuser);
            let usable = helper.is_some() && tun_is_open(superuser) && (superuser || obstacle().is_none());
            let missing = missing_for_nat();
            match helper {
                _ if root && !usable && missing.is_empty() => Ok((Kind::Nat, shell)),
                Some(helper) => Ok(helper),
                None if superuser => Err(IsolateError::NoHelperForRoot { missing: missing.join(", ").as_str().into() }),
                None => Err(IsolateError::NoHelper),
            }
        }
    }
}

/// Whether the user who is going to need it may open the device: everybody, as a rule.
fn tun_is_open(superuser: bool) -> bool {
    fs::metadata("/dev/net/tun").is_ok_and(|m| superuser || m.permissions().mode() & 0o006 == 0o006)
}

fn tun() -> io::Result<()> {
    fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").map(|_| ())
}

/// How the client asks for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolver {
    /// The machine's resolvers, which stand somewhere else.
    Same,
    /// Through that address to the machine's own resolver, which listens on the loopback.
    Forwarded(IpAddr),
    /// Those that the machine's own resolver asks, as this file has them.
    Upstream(&'static str),
}

/// Where resolvers that listen on the loopback write down whom they ask (resolv.conf(5)).
const UPSTREAM: [&str; 2] = ["/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf"];

/// The servers of a resolv.conf(5).
fn servers(conf: &str) -> impl Iterator<Item = &str> {
    conf.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next().unwrap_or_default())
    })
}

/// Whether it names a server that is not this machine's loopback.
fn leads_out(conf: &str) -> bool {
    servers(conf).any(|server| {
        let address = server.split('%').next().unwrap_or_default().parse::<IpAddr>();
        address.is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
    })
}

/// resolv.conf(5) for the client: `None` if the machine's own will do.
fn resolv_conf(machine: &str, forwarder: Ipv4Addr) -> Option<String> {
    if leads_out(machine) {
        return None;
    }
    let mut text = format!("nameserver {forwarder}\n");
    for line in machine.lines().filter(|line| servers(line).next().is_none()) {
        text += line;
        text.push('\n');
    }
    Some(text)
}

/// Ends the helper when it goes, and waits for that.
#[derive(Debug)]
struct Launcher(Child, Option<Nat>);

impl Drop for Launcher {
    fn drop(&mut self) {
        self.end();
    }
}

impl Launcher {
    /// How it ended, if it did.
    fn end(&mut self) -> Option<ExitStatus> {
        drop(self.0.stdin.take());
        let mut waited = Duration::ZERO;
        let patience = Duration::from_secs(if self.1.is_some() { 5 } else { 1 });
        loop {
            // An error: it has been waited for already.
            let ended = self.0.try_wait().ok()?;
            if ended.is_some() || waited >= patience {
                return ended;
            }
            std::thread::sleep(STEP);
            waited += STEP;
        }
    }
}

/// The namespace this process is in now, and who connects it.
#[derive(Debug)]
pub struct Isolated {
    launcher: Launcher,
    name: &'static str,
    resolver: Resolver,
    environment: Vec<(OsString, OsString)>,
}

/// Moves this process into a network of its own. The process must have one thread only. Under sudo it becomes the invoking
/// user first.
///
/// `way`: how it is joined to the outside, if not as fits best.
pub fn enter(way: Option<Kind>) -> Result<Isolated, IsolateError> {
    let mut environment = Vec::new();
    let invoker = Invoker::of_this_process();
    let (kind, path) = choose(way, rustix::process::geteuid().is_root(), invoker.is_some())?;
    let name = kind.name();
    if let Some(invoker) = invoker {
        let uid = invoker.uid;
        if kind != Kind::Nat {
            rights::become_invoker();
        }
        let runtime = PathBuf::from(format!("/run/user/{uid}"));
        let own = [
            ("HOME", invoker.home.map(PathBuf::into_os_string)),
            ("USER", invoker.name.clone().map(Into::into)),
            ("LOGNAME", invoker.name.map(Into::into)),
            ("XDG_RUNTIME_DIR", runtime.is_dir().then(|| runtime.into())),
        ];
        environment.extend(own.into_iter().filter_map(|(name, value)| Some((name.into(), value?))));
    }
    let superuser = rustix::process::geteuid().is_root();
    if kind != Kind::Nat {
        tun().map_err(|source| {
            let there = source.kind() == io::ErrorKind::PermissionDenied;
            let cure =
                if there { "allow it with `sudo chmod 666 /dev/net/tun`" } else { "load it with `sudo modprobe tun`" };
            IsolateError::Tun { name, error: source, cure }
        })?;
    }
    let machine = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let (nat, conf, resolver) = if kind == Kind::Nat {
        let refuse = |why: &str| IsolateError::Nat { why: why.into() };
        let missing = missing_for_nat();
        if !missing.is_empty() {
            return Err(refuse(&format!("{} is not installed", missing.join(", "))));
        }
        let nat = Nat::plan().ok_or_else(|| refuse("no private addresses are free"))?;
        if leads_out(&machine) {
            (Some(nat), None, Resolver::Same)
        } else {
            let read = |path| Some((path, fs::read_to_string(path).ok().filter(|conf| leads_out(conf))?));
            let (path, conf) = UPSTREAM.into_iter().find_map(read).ok_or_else(|| {
                refuse("this machine's resolver listens on the loopback only, and whom it asks is not written down")
            })?;
            (Some(nat), Some(conf), Resolver::Upstream(path))
        }
    } else {
        let forwarder = if kind == Kind::Pasta { FORWARDER } else { SLIRP_FORWARDER };
        match resolv_conf(&machine, forwarder) {
            None => (None, None, Resolver::Same),
            conf => (None, conf, Resolver::Forwarded(forwarder.into())),
        }
    };

    let step = |what| move |error: io::Error| IsolateError::Step { what, error };
    let said = rustix::fs::memfd_create("said", rustix::fs::MemfdFlags::CLOEXEC);
    let mut said = File::from(said.map_err(|e| step("keep what the helper says")(e.into()))?);
    let output = said.try_clone().map_err(step("keep what the helper says"))?;
    // It is started outside, waits, and is told to go when the inside is there.
    let (script, words) = match &nat {
        Some(nat) => (nat::SCRIPT, nat.arguments()),
        None => (LAUNCHER, [vec![path.display().to_string()], arguments(kind, conf.is_some())].concat()),
    };
    let launcher = Command::new("/bin/sh")
        .args(["-c", script, "zollhund-network"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(output)
        // What is typed at the terminal is not for it.
        .process_group(0)
        .spawn()
        .map_err(step("start the helper"))?;
    let mut launcher = Launcher(launcher, nat);

    unshare(superuser)?;
    mounts(conf.as_deref())?;
    let told = launcher.0.stdin.as_mut().map_or(Ok(()), |pipe| pipe.write_all(b"go\n"));
    told.map_err(step("start the helper"))?;
    let mut waited = Duration::ZERO;
    while !has_route() {
        let ended = launcher.0.try_wait().map_err(step("wait for the helper"))?;
        if ended.is_some() || waited > PATIENCE {
            let mut text = String::new();
            let _ = said.rewind();
            let _ = said.take(4096).read_to_string(&mut text);
            let late = format!("no route after {} s", PATIENCE.as_secs());
            let last = text.lines().map(str::trim).rfind(|l| !l.is_empty()).map_or(late, str::to_owned);
            return Err(IsolateError::Helper { name, said: last.as_str().into() });
        }
        std::thread::sleep(STEP);
        waited += STEP;
    }
    Ok(Isolated { launcher, name, resolver, environment })
}

fn arguments(kind: Kind, forward: bool) -> Vec<String> {
    let pid = std::process::id().to_string();
    let words: &[&str] = match kind {
        // No ports are carried in from outside, and the machine's own services are not reached through the gateway.
        Kind::Pasta => &[
            "--foreground",
            "--quiet",
            "--config-net",
            "--ns-ifname",
            INTERFACE,
            "--mtu",
            MTU,
            "-t",
            "none",
            "-u",
            "none",
            "-T",
            "none",
            "-U",
            "none",
            "--no-map-gw",
        ],
        Kind::Slirp => &["--configure", "--mtu", MTU, "--disable-host-loopback", "--enable-ipv6"],
        Kind::Nat => &[],
    };
    let mut words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
    match kind {
        Kind::Pasta => {
            if forward {
                words.extend(["--dns-forward".to_owned(), FORWARDER.to_string()]);
            }
            words.push(pid);
        }
        Kind::Slirp => words.extend([pid, INTERFACE.to_owned()]),
        Kind::Nat => {}
    }
    words
}

/// The superuser needs no user namespace.
fn unshare(superuser: bool) -> Result<(), IsolateError> {
    let step = |what| move |error: io::Error| IsolateError::Step { what, error };
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let mut flags = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    if !superuser {
        flags |= UnshareFlags::NEWUSER;
        // A program with capabilities, or one that became another user, does not own its entries in /proc otherwise.
        let dumpable = rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable);
        dumpable.map_err(|e| step("make its own settings writable")(e.into()))?;
    }
    #[expect(deprecated, reason = "deprecated because of CLONE_FILES, which is not asked for")]
    rustix::thread::unshare(flags).map_err(|error| {
        let Obstacle { why, cure } = obstacle().unwrap_or_else(|| Obstacle {
            why: error.to_string().as_str().into(),
            cure: "if this runs in a container, allow it there".into(),
        });
        IsolateError::Forbidden { why, cure }
    })?;
    if superuser {
        return Ok(());
    }
    // user_namespaces(7): each maps to itself, so that files and sockets of the session stay the user's.
    for (file, text) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{uid} {uid} 1")),
        ("/proc/self/gid_map", format!("{gid} {gid} 1")),
    ] {
        fs::write(file, text).map_err(|source| match obstacle() {
            Some(Obstacle { why, cure }) => IsolateError::Forbidden { why, cure },
            None => IsolateError::Step { what: "map the user", error: source },
        })?;
    }
    Ok(())
}

/// Seen by the client only.
fn mounts(conf: Option<&str>) -> Result<(), IsolateError> {
    let step = |what| move |error: io::Error| IsolateError::Step { what, error };
    let private = MountPropagationFlags::REC | MountPropagationFlags::DOWNSTREAM;
    mount_change("/", private).map_err(|error| match obstacle() {
        Some(Obstacle { why, cure }) => IsolateError::Forbidden { why, cure },
        None => step("set the mounts apart")(error.into()),
    })?;
    if let Some(conf) = conf {
        let file = env::temp_dir().join(format!("zollhund-resolv-{}.conf", std::process::id()));
        let set = || -> io::Result<()> {
            File::create_new(&file)?.write_all(conf.as_bytes())?;
            mount_bind(&file, "/etc/resolv.conf")?;
            Ok(())
        };
        let result = set();
        // The mount keeps it.
        let _ = fs::remove_file(&file);
        result.map_err(step("set the resolver"))?;
    }
    for socket in RESOLVERS {
        if fs::symlink_metadata(socket).is_ok_and(|m| !m.is_dir()) {
            mount_bind("/dev/null", socket)
                .map_err(|e| step("close the way past the capture to a resolver")(e.into()))?;
        }
    }
    Ok(())
}

/// Whether the interface leads anywhere (proc_net_route(5)).
fn has_route() -> bool {
    let v4 = fs::read_to_string("/proc/self/net/route").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/self/net/ipv6_route").unwrap_or_default();
    let default = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        words.next() == Some(INTERFACE) && words.next() == Some("00000000")
    };
    v4.lines().any(default)
        || v6.lines().any(|l| l.ends_with(INTERFACE) && l.contains(" 00 ") && l.starts_with("00000000"))
}

/// How a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended(ExitStatus);

impl Ended {
    /// As a shell tells it: its status, or 128 and the number of the signal that ended it.
    #[must_use]
    pub fn code(self) -> u8 {
        let code = self.0.code().or_else(|| Some(128 + self.0.signal()?)).unwrap_or(255);
        u8::try_from(code).unwrap_or(255)
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Isolated {
    /// The program that connects the namespace.
    #[must_use]
    pub const fn helper(&self) -> &'static str {
        self.name
    }

    #[must_use]
    pub const fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// What is to be told of how it is connected; the first of it changes this machine.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.launcher.1.as_ref().map(Nat::remarks).unwrap_or_default()
    }

    /// Starts the client. Open the capture before, and confine this process after: the client is not confined.
    pub fn start(self, program: &OsStr, arguments: &[OsString], streams: [Stdio; 3]) -> Result<Client, IsolateError> {
        // Whoever called for the superuser is one no more, where that was needed until here.
        rights::become_invoker();
        // What the client leaves behind comes back here and is waited for, not to the machine's init.
        let own = Pid::from_raw(i32::try_from(std::process::id()).unwrap_or_default());
        let _ = rustix::process::set_child_subreaper(own);
        let [input, output, error] = streams;
        let name: Text = program.to_string_lossy().as_ref().into();
        let child = Command::new(program)
            .args(arguments)
            .envs(self.environment)
            .stdin(input)
            .stdout(output)
            .stderr(error)
            .spawn()
            .map_err(|error| IsolateError::Client { name: name.clone(), error })?;
        Ok(Client { name, pid: child.id(), launcher: self.launcher, ended: None, connected: true })
    }
}

/// The client's processes. Its network goes when this goes.
#[derive(Debug)]
pub struct Client {
    name: Text,
    pid: u32,
    launcher: Launcher,
    ended: Option<ExitStatus>,
    connected: bool,
}

impl Client {
    #[must_use]
    pub const fn name(&self) -> &Text {
        &self.name
    }

    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether its network is still connected to the outside.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// How the process that was started ended; others that it left behind may still run.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended.map(Ended)
    }

    /// Looks how things are, without waiting: `Some` once nothing of the client runs any more.
    pub fn poll(&mut self) -> Option<Ended> {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            let pid = pid.as_raw_nonzero().get().unsigned_abs();
            if pid == self.pid {
                self.ended = Some(ExitStatus::from_raw(status.as_raw()));
            } else if pid == self.launcher.0.id() {
                self.connected = false;
            }
        }
        let ended = self.ended()?;
        self.left().next().is_none().then_some(ended)
    }

    /// Children of this process that are not the helper: the client, and what it left behind.
    fn left(&self) -> impl Iterator<Item = Pid> {
        let (own, launcher) = (std::process::id(), self.launcher.0.id());
        let left = process::all().filter(move |p| p.parent == own && p.pid != launcher);
        left.filter_map(|p| Pid::from_raw(i32::try_from(p.pid).ok()?))
    }

    /// Takes its network away. If this machine was changed for it: whether that is undone, or how to do it by hand.
    #[must_use]
    pub fn close(mut self) -> Option<Result<(), Text>> {
        // Whoever looked for ended processes has waited for it, if it ended early.
        let ended = if self.connected { self.launcher.end() } else { None };
        let nat = self.launcher.1.as_ref()?;
        Some(if ended.is_some_and(|status| status.success()) { Ok(()) } else { Err(nat.by_hand()) })
    }

    /// Passes a signal on.
    pub fn signal(&self, signal: Signal) {
        for process in self.left() {
            let _ = rustix::process::kill_process(process, signal);
        }
    }

    /// Asks everything of the client to end, and ends what has not within `patience`.
    pub fn end(&mut self, patience: Duration) -> Option<Ended> {
        self.signal(Signal::TERM);
        let mut waited = Duration::ZERO;
        while self.poll().is_none() {
            if waited >= patience {
                self.signal(Signal::KILL);
                std::thread::sleep(STEP);
                self.poll();
                break;
            }
            std::thread::sleep(STEP);
            waited += STEP;
        }
        self.ended()
    }
}

/// Whoever forgets it ends it: its network goes now.
impl Drop for Client {
    fn drop(&mut self) {
        if self.poll().is_none() {
            self.signal(Signal::TERM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_on_the_loopback_is_forwarded_to_and_others_stay() {
        let forward = |text: &str| resolv_conf(text, FORWARDER);
        assert_eq!(forward("nameserver 192.0.2.53\nnameserver 127.0.0.53\n"), None);
        assert_eq!(forward("# x\nnameserver fe80::1%eth0\n"), None);
        let local = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\nnameserver ::1\n";
        let own = "nameserver 169.254.1.53\noptions edns0 trust-ad\nsearch example.org\n";
        assert_eq!(forward(local).as_deref(), Some(own));
        // resolv.conf(5): without any, the resolver on this machine is asked.
        assert_eq!(forward("").as_deref(), Some("nameserver 169.254.1.53\n"));
    }

    #[test]
    fn displays_and_buses_that_are_no_files_are_told() {
        let past =
            |display: &str, there: bool| leads_past_files(display, |file| !(there && file == "/tmp/.X11-unix/X0"));
        for (display, there, want) in [
            (":0", true, false),
            ("unix:0.0", true, false),
            (":1", true, true),
            (":0", false, true),
            ("localhost:10.0", true, true),
            ("127.0.0.1:0", true, true),
            ("192.0.2.7:0", true, false),
            ("nonsense", true, false),
        ] {
            assert_eq!(past(display, there), want, "{display}");
        }
        for (bus, want) in [
            ("unix:path=/run/user/1000/bus", false),
            ("unix:abstract=/tmp/dbus-x,guid=1", true),
            ("unix:abstract=/tmp/dbus-x;unix:path=/run/bus", false),
            ("", false),
        ] {
            assert_eq!(is_abstract_bus(bus), want, "{bus}");
        }
    }

    #[test]
    fn programs_are_found_where_they_are() {
        assert!(find_program("sh").unwrap().is_absolute());
        assert_eq!(find_program("no-such-program-here"), None);
    }
}
