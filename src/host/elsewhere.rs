//! The same questions on systems that are not Linux: what the standard library and libpcap can tell is told, the rest is "not
//! available on this system".

use super::values::{Change, Jump, Lookup, Measure, Rights, Role, Running, Step, Sync, Taken, Tally, Unknown, Watch};
use crate::attribution::Owner;
use crate::attribution::OwnerMatch;
use crate::wire::{End, Text, Timestamp, TransportKind};
use std::collections::BTreeSet;
use std::io;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nobody asks this system whose sockets are whose.
#[derive(Debug)]
pub struct Owners<T> {
    tally: Tally,
    tag: PhantomData<fn() -> T>,
}

impl<T> Owners<T> {
    #[must_use]
    pub fn new(_locals: impl IntoIterator<Item = IpAddr>, _watch: Watch) -> Self {
        Self { tally: Tally::default(), tag: PhantomData }
    }

    pub fn watch_pid(&mut self, _pid: u32) -> bool {
        false
    }

    pub fn choose(&mut self, _chosen: Option<(u32, &Text)>) -> Option<Vec<(Owner, bool)>> {
        None
    }

    pub fn local(&mut self, _address: IpAddr, _there: bool) {}

    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn watched(&self) -> impl Iterator<Item = Process> {
        std::iter::empty()
    }

    pub fn ask(&mut self, tag: T, _transport: TransportKind, _from: End, _to: End) -> Option<(T, Lookup)> {
        self.tally.asked += 1;
        *self.tally.unknown.entry(Unknown::Unavailable).or_default() += 1;
        Some((tag, Lookup::Unknown(Unknown::Unavailable)))
    }

    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    pub fn settle(&mut self) -> Vec<(T, Lookup)> {
        Vec::new()
    }
}

/// No process can be looked at here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    pub name: Text,
}

impl Process {
    #[must_use]
    pub fn read(_pid: u32) -> Option<Self> {
        None
    }

    #[must_use]
    pub fn owner(&self, matched: OwnerMatch) -> Owner {
        Owner {
            pid: self.pid,
            name: self.name.clone(),
            path: Text::default(),
            started: None,
            container: Text::default(),
            parents: Vec::new(),
            matched,
        }
    }
}

/// The addresses as libpcap lists them, once.
#[derive(Debug)]
pub struct Locals(BTreeSet<IpAddr>);

impl Locals {
    pub fn open() -> io::Result<Self> {
        let devices = pcap::Device::list().map_err(io::Error::other)?;
        Ok(Self(devices.into_iter().flat_map(|d| d.addresses).map(|a| a.addr).collect()))
    }

    #[must_use]
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        self.0.clone()
    }

    pub fn changes(&mut self) -> io::Result<Vec<Change>> {
        Ok(Vec::new())
    }
}

/// The wall clock against the one that cannot be set. Whether that one goes on during sleep differs from system to system:
/// sleep reads as a step here.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: SystemTime,
    steady: Instant,
}

impl Clock {
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this room reads the clock for all others")]
    pub fn read() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    #[must_use]
    pub fn now() -> Timestamp {
        Self::read().wall()
    }

    #[must_use]
    pub fn wall(&self) -> Timestamp {
        let since = self.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    pub fn jumps(&mut self) -> Vec<Jump> {
        let before = std::mem::replace(self, Self::read());
        let nanos = |clock: &Self| i64::try_from(clock.wall().nanos()).unwrap_or(i64::MAX);
        let passed = i64::try_from(self.steady.duration_since(before.steady).as_nanos()).unwrap_or(i64::MAX);
        let stepped = nanos(self) - nanos(&before) - passed;
        if stepped.abs() > 100_000_000 { vec![Jump::Stepped { nanos: stepped }] } else { Vec::new() }
    }
}

#[must_use]
pub fn running(_programs: &[(Box<str>, Vec<Box<str>>)]) -> Vec<Running> {
    Vec::new()
}

#[must_use]
pub fn sync() -> Sync {
    Sync::NotKnown
}

impl Rights {
    /// libpcap says by failing.
    #[must_use]
    pub fn read() -> Self {
        Self { uid: 0, capture: true, see_others: false, invoker: None, landlock: None, seccomp: false }
    }
}

fn not(measures: &[Measure]) -> Vec<Step> {
    let taken = |measure| Step { measure, taken: Taken::Not("not available on this system".into()) };
    measures.iter().copied().map(taken).collect()
}

pub fn leave() -> Vec<Step> {
    not(&[Measure::User, Measure::Capabilities, Measure::NoNewPrivileges])
}

pub fn confine(_role: Role, _writes: &[&Path], _talks: bool) -> Vec<Step> {
    not(&[Measure::Landlock, Measure::Seccomp])
}
