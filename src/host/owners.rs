//! Whose traffic it is: flow → socket → process, asked at a flow's first packet, because sockets are short-lived. What cannot
//! be told is a value with its reason: a wrong owner is worse than none.

use super::clock::steady;
use super::process::{self, Identity, Process};
use super::sockets::{Found, Sockets};
use super::values::{Lookup, Tally, Unknown, Watch};
use crate::attribution::Owner;
use crate::attribution::OwnerMatch;
use crate::wire::{End, Text, TransportKind};
use hashbrown::{HashMap, HashSet};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// Flows that wait for the next look through all processes; beyond it they are unknown.
const MAX_WAITING: usize = 4_096;
/// Sockets whose holder is remembered.
const MAX_HOLDERS: usize = 1 << 16;
/// Processes that are remembered.
const MAX_KNOWN: usize = 4_096;
/// Programs that were told; the engine keeps no more either.
const MAX_TOLD: usize = 1 << 16;
/// Processes that are looked at first: those that had flows before.
const MAX_RECENT: usize = 32;
/// A look through all processes may take one part in this many of the time.
const SHARE: u32 = 10;
/// The same for following the watched processes' children, which goes on all the time.
const FOLLOW_SHARE: u32 = 200;
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const FOLLOW_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Waiting<T> {
    tag: T,
    sockets: Vec<Found>,
}

#[derive(Debug, Clone)]
struct Known {
    owner: Owner,
    watched: bool,
}

/// Finds owners. `T` is whatever names a flow to the caller.
#[derive(Debug)]
pub struct Owners<T> {
    /// The one asking; whose processes it may look into.
    uid: u32,
    sockets: Option<Sockets>,
    locals: HashSet<IpAddr>,
    watch: Watch,
    /// As it was when it was looked at last.
    only: Option<Owner>,
    /// Processes that are the client's, also those that ended.
    watched: HashSet<Identity>,
    holders: HashMap<u32, Identity>,
    /// Every program that was told, and whether as the client's.
    told: HashMap<Owner, (Identity, bool)>,
    known: HashMap<Identity, Known>,
    recent: VecDeque<Process>,
    waiting: VecDeque<Waiting<T>>,
    /// By the steady clock.
    next_look: Duration,
    next_follow: Duration,
    tally: Tally,
}

impl<T> Owners<T> {
    /// Opens the kernel's socket diagnosis; do it before rights are dropped.
    #[must_use]
    pub fn new(locals: impl IntoIterator<Item = IpAddr>, watch: Watch) -> Self {
        let now = steady();
        let mut owners = Self {
            uid: rustix::process::geteuid().as_raw(),
            sockets: Sockets::open().ok(),
            locals: locals.into_iter().collect(),
            only: watch.only.and_then(Process::read).map(|client| client.owner(OwnerMatch::Namespace)),
            watch,
            watched: HashSet::new(),
            holders: HashMap::new(),
            told: HashMap::new(),
            known: HashMap::new(),
            recent: VecDeque::new(),
            waiting: VecDeque::new(),
            next_look: now,
            next_follow: now,
            tally: Tally::default(),
        };
        for pid in std::mem::take(&mut owners.watch.pids) {
            owners.watch_pid(pid);
        }
        owners.follow();
        owners
    }

    /// Another process is the client's too; `false` if there is none of that number.
    pub fn watch_pid(&mut self, pid: u32) -> bool {
        let Some(process) = Process::read(pid) else { return false };
        self.watched.insert(process.identity());
        self.known.clear();
        true
    }

    /// From now on the client is this process and what it starts; without one nobody is. Gives the programs told so far to
    /// which something else applies now, and whether they are the client's; nothing if there is no such process.
    pub fn choose(&mut self, chosen: Option<(u32, &Text)>) -> Option<Vec<(Owner, bool)>> {
        let client = match chosen {
            Some((pid, name)) => Some(Process::read(pid).filter(|process| process.name == *name)?),
            None => None,
        };
        self.watch = Watch::default();
        self.watched = client.iter().map(Process::identity).collect();
        self.known.clear();
        self.follow();
        let mut told = std::mem::take(&mut self.told);
        let mut changed = Vec::new();
        for (owner, (identity, watched)) in &mut told {
            let is = client.as_ref().is_some_and(|client| self.was(client, *identity, owner));
            if std::mem::replace(watched, is) != is {
                changed.push((owner.clone(), is));
            }
        }
        self.told = told;
        changed.sort_unstable_by_key(|(owner, _)| (owner.pid, owner.started, owner.matched));
        Some(changed)
    }

    /// Whether a program that was told is the client or was started by it. What has ended is judged by what was told of it:
    /// since the client began, nobody else had its number.
    fn was(&self, client: &Process, (pid, ticks): Identity, owner: &Owner) -> bool {
        let running = Process::read(pid).filter(|process| process.ticks == ticks);
        self.watched.contains(&(pid, ticks))
            || running.is_some_and(|process| self.is_watched(&process))
            || (ticks >= client.ticks && owner.parents.iter().any(|(parent, _)| *parent == client.pid))
    }

    /// An address came or went.
    pub fn local(&mut self, address: IpAddr, there: bool) {
        if there {
            self.locals.insert(address);
        } else {
            self.locals.remove(&address);
        }
    }

    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The watched processes that still run.
    pub fn watched(&self) -> impl Iterator<Item = Process> {
        let mut all: Vec<_> = self.watched.iter().copied().collect();
        all.sort_unstable();
        all.into_iter().filter_map(|(pid, ticks)| Process::read(pid).filter(|p| p.ticks == ticks))
    }

    /// Asks for the owner of a flow whose first packet went `from` → `to`. `None`: [`Owners::settle`] will tell.
    pub fn ask(&mut self, tag: T, transport: TransportKind, from: End, to: End) -> Option<(T, Lookup)> {
        self.tally.asked += 1;
        let sockets = match self.find(transport, from, to) {
            Ok(sockets) => sockets,
            Err(why) => return Some((tag, self.tell(Err(why)))),
        };
        if let Some(answer) = self.resolve(&sockets) {
            return Some((tag, self.tell(answer)));
        }
        // Most new flows are of a program that has others.
        let recent: Vec<_> = self.recent.iter().cloned().collect();
        for process in recent {
            self.look_at(&process);
        }
        if let Some(answer) = self.resolve(&sockets) {
            return Some((tag, self.tell(answer)));
        }
        if self.waiting.len() >= MAX_WAITING {
            return Some((tag, self.tell(Err(Unknown::TooMany))));
        }
        self.waiting.push_back(Waiting { tag, sockets });
        None
    }

    /// How long until [`Owners::settle`] has something to do.
    #[must_use]
    pub fn wait(&self) -> Duration {
        let due = if self.waiting.is_empty() { self.next_follow } else { self.next_look.min(self.next_follow) };
        due.saturating_sub(steady())
    }

    /// Does what is due: looks through all processes for the flows that wait, and follows the watched ones' children.
    pub fn settle(&mut self) -> Vec<(T, Lookup)> {
        let now = steady();
        if now >= self.next_follow {
            self.follow();
        }
        if self.waiting.is_empty() || now < self.next_look {
            return Vec::new();
        }
        self.holders.clear();
        for process in process::all() {
            self.look_at(&process);
        }
        let done = steady();
        self.next_look = done + (done.saturating_sub(now) * SHARE).max(SHORTEST_PAUSE);
        let waiting = std::mem::take(&mut self.waiting);
        let told = waiting.into_iter().map(|Waiting { tag, sockets }| {
            let own = sockets.iter().all(|s| s.uid == self.uid);
            let why = if own { Unknown::NoProcess } else { Unknown::OtherUser };
            let answer = self.resolve(&sockets).unwrap_or(Err(why));
            (tag, self.tell(answer))
        });
        told.collect()
    }

    fn find(&mut self, transport: TransportKind, from: End, to: End) -> Result<Vec<Found>, Unknown> {
        let (local, remote) = if self.locals.contains(&from.address) || from.address.is_loopback() {
            (from, to)
        } else if self.locals.contains(&to.address) {
            (to, from)
        } else {
            return Err(Unknown::Foreign);
        };
        let mut sockets = self.sockets.as_mut().ok_or(Unknown::Unavailable)?.find(transport, local, remote).map_err(
            |error: io::Error| {
                if error.kind() == io::ErrorKind::PermissionDenied { Unknown::OtherUser } else { Unknown::Unavailable }
            },
        )?;
        if sockets.is_empty() {
            return Err(Unknown::NoSocket);
        }
        sockets.retain(|s| s.inode != 0);
        if sockets.is_empty() { Err(Unknown::Closed) } else { Ok(sockets) }
    }

    /// The owner, if the holders of all the sockets are known.
    fn resolve(&mut self, sockets: &[Found]) -> Option<Result<(Owner, bool), Unknown>> {
        let mut found: Option<(Process, Known)> = None;
        let mut shared = false;
        for socket in sockets {
            let holder = self.holders.get(&socket.inode).copied();
            let process = holder.and_then(|(pid, ticks)| Process::read(pid).filter(|p| p.ticks == ticks))?;
            let known = self.know(&process);
            match &found {
                None => found = Some((process, known)),
                Some((other, _)) if other.identity() == process.identity() => {}
                // Which of the client's processes it is matters less than that it is the client's.
                Some((_, other)) if other.watched && known.watched => {}
                Some(_) => shared = true,
            }
        }
        if shared {
            return Some(Err(Unknown::Shared));
        }
        let (process, known) = found?;
        let identity = process.identity();
        self.recent.retain(|p| p.identity() != identity);
        self.recent.push_front(process);
        self.recent.truncate(MAX_RECENT);
        let matched = if sockets.iter().all(|s| s.exact) { OwnerMatch::Socket } else { OwnerMatch::LocalPort };
        let owner = Owner { matched, ..known.owner };
        if let Some((_, watched)) = self.told.get_mut(&owner) {
            *watched |= known.watched;
        } else if self.told.len() < MAX_TOLD {
            self.told.insert(owner.clone(), (identity, known.watched));
        }
        Some(Ok((owner, known.watched)))
    }

    /// Counts an answer; in a namespace of the client's own, what is not known more closely is the client's.
    fn tell(&mut self, answer: Result<(Owner, bool), Unknown>) -> Lookup {
        match answer {
            Ok((owner, watched)) => {
                self.tally.known += 1;
                Lookup::Known { owner, watched }
            }
            Err(why) => {
                *self.tally.unknown.entry(why).or_default() += 1;
                match self.client() {
                    Some(owner) => Lookup::Known { owner, watched: true },
                    None => Lookup::Unknown(why),
                }
            }
        }
    }

    /// The client of a namespace of its own, as it is by now: what is started is often a script that becomes the program
    /// (execve(2)).
    fn client(&mut self) -> Option<Owner> {
        let client = self.only.as_mut()?;
        if let Some(now) = Process::read(client.pid).filter(|now| now.name != client.name) {
            let now = now.owner(OwnerMatch::Namespace);
            if now.started == client.started {
                *client = now;
            }
        }
        Some(client.clone())
    }

    fn know(&mut self, process: &Process) -> Known {
        let identity = process.identity();
        if let Some(known) = self.known.get(&identity).filter(|known| known.owner.name == process.name) {
            return known.clone();
        }
        let watched = self.is_watched(process);
        if watched {
            self.watched.insert(identity);
        }
        let known = Known { owner: process.owner(OwnerMatch::Socket), watched };
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(identity, known.clone());
        known
    }

    fn is_watched(&self, process: &Process) -> bool {
        let own = |p: &Process| self.watched.contains(&p.identity()) || p.is_called(&self.watch.names);
        self.only.is_some() || own(process) || process.ancestors().any(|p| own(&p))
    }

    /// Notes which sockets a process holds.
    fn look_at(&mut self, process: &Process) {
        let Ok(files) = fs::read_dir(process.file("fd")) else { return };
        for file in files.flatten() {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            let inode = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            let Some(inode) = inode else { continue };
            if self.holders.len() >= MAX_HOLDERS {
                return;
            }
            // A socket that was handed on: whoever is older opened it, except for init, which opens some for its services.
            let (pid, ticks) = process.identity();
            self.holders
                .entry(inode)
                .and_modify(|holder| {
                    if holder.0 == 1 || (ticks < holder.1 && pid != 1) {
                        *holder = (pid, ticks);
                    }
                })
                .or_insert((pid, ticks));
        }
    }

    /// Finds the client's new processes before their parents end and the thread to them is lost.
    fn follow(&mut self) {
        let begun = steady();
        if self.only.is_none() && !(self.watched.is_empty() && self.watch.names.is_empty()) {
            let mut all: Vec<_> = process::all().collect();
            all.sort_unstable_by_key(Process::age);
            let by_number: HashMap<u32, Identity> = all.iter().map(|p| (p.pid, p.identity())).collect();
            for process in &all {
                let child = by_number.get(&process.parent).is_some_and(|parent| self.watched.contains(parent));
                if !self.watched.contains(&process.identity()) && (child || process.is_called(&self.watch.names)) {
                    self.watched.insert(process.identity());
                    self.known.remove(&process.identity());
                }
            }
        }
        let done = steady();
        self.next_follow = done + (done.saturating_sub(begun) * FOLLOW_SHARE).max(FOLLOW_PAUSE);
    }
}

impl Process {
    /// Parents before their children.
    pub(super) const fn age(&self) -> (u64, u32) {
        (self.ticks, self.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::canonical;
    use rustix::net::sockopt::set_socket_reuseport;
    use rustix::net::{AddressFamily, SocketType, bind, socket};
    use std::io::{BufRead, BufReader, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::process::{Child, Command, Stdio};

    /// Not a test of its own: the other process of the tests below. It takes its orders from the environment, tells its
    /// address and its child's number, and stays until its input ends.
    #[test]
    fn the_other_process() {
        let Ok(order) = std::env::var("ZOLLHUND_TEST_ORDER") else { return };
        let mut stay = String::new();
        let (word, rest) = order.split_once(' ').unwrap();
        match word {
            "connect" => {
                let stream = TcpStream::connect(rest).unwrap();
                tell(stream.local_addr().unwrap(), std::process::id());
                io::stdin().read_line(&mut stay).unwrap();
            }
            "share" => {
                let _socket = shared(rest.parse().unwrap());
                tell(rest.parse().unwrap(), std::process::id());
                io::stdin().read_line(&mut stay).unwrap();
            }
            "parent" => {
                let mut child = Other::new(rest);
                tell(child.address, child.pid);
                io::stdin().read_line(&mut stay).unwrap();
                child.end();
            }
            _ => panic!("{order}"),
        }
        // Nobody reads what the harness would say.
        std::process::exit(0);
    }

    fn tell(address: SocketAddr, pid: u32) {
        writeln!(io::stdout(), "\n> {address} {pid}").unwrap();
    }

    struct Other {
        child: Child,
        address: SocketAddr,
        pid: u32,
    }

    impl Other {
        fn new(order: &str) -> Self {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "host::owners::tests::the_other_process", "--nocapture"])
                .env("ZOLLHUND_TEST_ORDER", order)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let told = lines.find_map(|line| line.unwrap().strip_prefix("> ").map(str::to_owned)).unwrap();
            let (address, pid) = told.split_once(' ').unwrap();
            Self { child, address: address.parse().unwrap(), pid: pid.parse().unwrap() }
        }

        fn end(&mut self) {
            let _ = self.child.stdin.take().unwrap().write_all(b"end\n");
            self.child.wait().unwrap();
        }
    }

    fn shared(address: SocketAddr) -> UdpSocket {
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
        set_socket_reuseport(&socket, true).unwrap();
        bind(&socket, &address).unwrap();
        socket.into()
    }

    fn end(address: SocketAddr) -> End {
        End { address: canonical(address.ip()), port: address.port() }
    }

    fn own() -> [IpAddr; 2] {
        [[127, 0, 0, 1].into(), "::1".parse().unwrap()]
    }

    /// The answer, whether it comes at once or after a look through all processes.
    fn told(owners: &mut Owners<u32>, transport: TransportKind, from: SocketAddr, to: SocketAddr) -> Lookup {
        let answer = owners.ask(7, transport, end(from), end(to)).or_else(|| {
            while !owners.wait().is_zero() {
                std::thread::yield_now();
            }
            owners.settle().pop()
        });
        let (tag, lookup) = answer.unwrap();
        assert_eq!(tag, 7);
        lookup
    }

    #[test]
    fn a_flow_of_this_process_is_its_own() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (from, to) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let mut owners = Owners::new(own(), Watch { pids: vec![std::process::id()], ..Watch::default() });
        let Lookup::Known { owner, watched } = told(&mut owners, TransportKind::Tcp, from, to) else { panic!() };
        assert_eq!((owner.pid, owner.matched, watched), (std::process::id(), OwnerMatch::Socket, true));
        assert!(!owner.path.is_empty() && !owner.name.is_empty() && owner.started.is_some());
        let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
        let from = SocketAddr::from(([127, 0, 0, 1], udp.local_addr().unwrap().port()));
        let Lookup::Known { owner, .. } = told(&mut owners, TransportKind::Udp, from, to) else { panic!() };
        assert_eq!((owner.pid, owner.matched), (std::process::id(), OwnerMatch::LocalPort));
        assert_eq!((owners.tally().asked, owners.tally().known), (2, 2));
    }

    #[test]
    fn a_childs_childs_flow_is_the_watched_programs() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap();
        let mut parent = Other::new(&format!("parent connect {to}"));
        let mut owners = Owners::new(own(), Watch { pids: vec![parent.child.id()], ..Watch::default() });
        let Lookup::Known { owner, watched } = told(&mut owners, TransportKind::Tcp, parent.address, to) else {
            panic!()
        };
        assert_eq!((owner.pid, watched), (parent.pid, true));
        assert_eq!(owner.parents.first().map(|(pid, _)| *pid), Some(parent.child.id()));
        assert!(owners.watched().any(|p| p.pid == parent.pid));
        // The server's side is this process, which nobody watches. It has not even accepted.
        let Lookup::Known { owner, watched } = told(&mut owners, TransportKind::Tcp, to, parent.address) else {
            panic!()
        };
        assert_eq!((owner.pid, watched), (std::process::id(), false), "{:?}", owners.tally());
        parent.end();
    }

    #[test]
    fn a_client_can_be_chosen_late_and_what_was_told_before_is_judged_anew() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap();
        let mut parent = Other::new(&format!("parent connect {to}"));
        let mut other = Other::new(&format!("connect {to}"));
        let mut owners = Owners::new(own(), Watch::default());
        for from in [parent.address, other.address] {
            let told = told(&mut owners, TransportKind::Tcp, from, to);
            assert!(matches!(told, Lookup::Known { watched: false, .. }), "nobody was chosen: {told:?}");
        }
        let name = |pid| Process::read(pid).unwrap().name;
        let verdicts = |changed: Vec<(Owner, bool)>| changed.into_iter().map(|(o, is)| (o.pid, is)).collect::<Vec<_>>();
        // The child holds the socket, its parent is chosen.
        let client = parent.child.id();
        let changed = owners.choose(Some((client, &name(client)))).unwrap();
        assert_eq!(verdicts(changed), [(parent.pid, true)]);
        assert!(matches!(
            told(&mut owners, TransportKind::Tcp, parent.address, to),
            Lookup::Known { watched: true, .. }
        ));
        // The other one is chosen instead.
        let mut changed = verdicts(owners.choose(Some((other.pid, &name(other.pid)))).unwrap());
        changed.sort_unstable();
        let mut expected = [(parent.pid, false), (other.pid, true)];
        expected.sort_unstable();
        assert_eq!(changed, expected);
        // No number without its name, and none that is nobody's: nothing changes.
        assert_eq!(owners.choose(Some((client, &"another".into()))), None);
        assert_eq!(owners.choose(Some((u32::MAX, &"another".into()))), None);
        // The child ends first: it is still known whose it was.
        parent.end();
        assert_eq!(verdicts(owners.choose(None).unwrap()), [(other.pid, false)]);
        other.end();
    }

    #[test]
    fn what_has_ended_belongs_to_who_had_started_it() {
        let mut child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
        let process = Process::read(child.id()).unwrap();
        let owner = process.owner(OwnerMatch::Socket);
        child.wait().unwrap();
        let owners = Owners::<u32>::new(own(), Watch::default());
        let own = Process::read(std::process::id()).unwrap();
        assert!(owners.was(&own, process.identity(), &owner));
        // A process of the same number that began later is another.
        let later = Process { ticks: process.ticks + 1, ..own };
        assert!(!owners.was(&later, process.identity(), &owner));
    }

    #[test]
    fn a_port_that_two_programs_share_has_no_owner() {
        let first = shared(([127, 0, 0, 1], 0).into());
        let address = first.local_addr().unwrap();
        let mut owners = Owners::new(own(), Watch::default());
        let to = SocketAddr::from(([192, 0, 2, 1], 53));
        let Lookup::Known { owner, .. } = told(&mut owners, TransportKind::Udp, address, to) else { panic!() };
        assert_eq!(owner.pid, std::process::id());
        let mut other = Other::new(&format!("share {address}"));
        assert_eq!(told(&mut owners, TransportKind::Udp, address, to), Lookup::Unknown(Unknown::Shared));
        // Unless all of them are the client's.
        owners.watch_pid(std::process::id());
        assert!(matches!(told(&mut owners, TransportKind::Udp, address, to), Lookup::Known { watched: true, .. }));
        other.end();
    }

    #[test]
    fn what_cannot_be_known_says_why() {
        let mut owners = Owners::new(own(), Watch::default());
        let [here, elsewhere] = [([127, 0, 0, 1], 9), ([192, 0, 2, 1], 9)].map(SocketAddr::from);
        assert_eq!(told(&mut owners, TransportKind::Tcp, elsewhere, elsewhere), Lookup::Unknown(Unknown::Foreign));
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (from, to) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        drop((client, server));
        let gone = told(&mut owners, TransportKind::Tcp, from, to);
        assert!(matches!(gone, Lookup::Unknown(Unknown::NoSocket | Unknown::Closed)), "{gone:?}");
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(told(&mut owners, TransportKind::Udp, free, here), Lookup::Unknown(Unknown::NoSocket));
        assert_eq!(owners.tally().unknown.values().sum::<u64>(), 3);
        // In a namespace of the client's own it is the client's all the same.
        let only = Watch { only: Some(std::process::id()), ..Watch::default() };
        let Lookup::Known { owner, watched } = told(&mut Owners::new(own(), only), TransportKind::Udp, free, here)
        else {
            panic!()
        };
        assert_eq!((owner.pid, owner.matched, watched), (std::process::id(), OwnerMatch::Namespace, true));
    }

    #[test]
    fn another_users_process_is_not_guessed() {
        if !rustix::process::geteuid().is_root() {
            let _ = writeln!(io::stderr(), "SKIPPED: only the superuser can become another user");
            return;
        }
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = server.local_addr().unwrap();
        let mut other = Other::new(&format!("connect {to}"));
        let from = other.address;
        // The thread becomes somebody, and with it what it may see.
        let thread = std::thread::spawn(move || {
            let nobody = rustix::process::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            told(&mut Owners::new(own(), Watch::default()), TransportKind::Tcp, from, to)
        });
        assert_eq!(thread.join().unwrap(), Lookup::Unknown(Unknown::OtherUser));
        let told = told(&mut Owners::new(own(), Watch::default()), TransportKind::Tcp, from, to);
        assert!(matches!(&told, Lookup::Known { owner, .. } if owner.pid == other.pid), "{told:?}");
        other.end();
    }

    #[test]
    fn a_script_that_becomes_the_client_is_called_as_the_client() {
        let mut sh = Command::new("sh");
        let sh = sh.args(["-c", "read go; exec cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = sh.spawn().unwrap();
        let watch = Watch { only: Some(child.id()), ..Watch::default() };
        let mut owners = Owners::<()>::new([], watch);
        let end = End { address: IpAddr::from([192, 0, 2, 1]), port: 1 };
        let mut name = || match owners.ask((), TransportKind::Tcp, end, end) {
            Some(((), Lookup::Known { owner, watched: true })) => owner.name.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(name(), "sh");
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"go\nthere\n").unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!((said.as_str(), name().as_str()), ("there\n", "cat"));
        drop(input);
        child.wait().unwrap();
        assert_eq!(name(), "cat", "what has ended keeps its name");
    }
}
