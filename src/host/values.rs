//! What this room tells, the same on every system.

use super::Process;
use crate::attribution::Owner;
use crate::wire::{Text, Timestamp};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Why it is not known whose a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unknown {
    /// Neither end is an address of this machine.
    Foreign,
    /// The kernel knows no such socket: it was closed before it could be asked for.
    NoSocket,
    /// The socket is still known, but no process holds it any more.
    Closed,
    /// Several programs share the local port.
    Shared,
    /// It belongs to another user, into whose processes this one may not look.
    OtherUser,
    /// No process was found that holds the socket: it ended meanwhile, or is hidden from this one.
    NoProcess,
    /// More flows were asked for than can be looked up.
    TooMany,
    /// This system or its kernel does not tell.
    Unavailable,
}

impl Unknown {
    /// The stable words of tables and reports.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Foreign => "not of this machine",
            Self::NoSocket => "socket gone",
            Self::Closed => "socket closed",
            Self::Shared => "port shared by several programs",
            Self::OtherUser => "another user's process",
            Self::NoProcess => "process not found",
            Self::TooMany => "too many flows at once",
            Self::Unavailable => "not available on this system",
        }
    }
}

/// What was found out about a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// `watched`: the audited client or one of its children.
    Known {
        owner: Owner,
        watched: bool,
    },
    Unknown(Unknown),
}

/// Which processes are the audited client. Children of a watched process are watched.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    pub pids: Vec<u32>,
    /// Names of programs, as in the service profiles.
    pub names: Vec<Box<str>>,
    /// Everything is the client's: it alone lives in this network namespace. What cannot be found out is told as this
    /// process.
    pub only: Option<u32>,
}

/// A client that runs. Its children are its own and not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub process: Process,
    /// Services whose profile names this program; a browser is named by several.
    pub services: Vec<Box<str>>,
}

/// How many flows were asked for, and why some stayed unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub asked: u64,
    pub known: u64,
    pub unknown: BTreeMap<Unknown, u64>,
}

/// Something happened to the machine's addresses or links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Came(IpAddr),
    Gone(IpAddr),
    Link { name: Text, up: bool },
}

/// The clocks did more than let time pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jump {
    /// The wall clock was set: forward if positive.
    Stepped { nanos: i64 },
    /// The machine slept.
    Suspended(Duration),
}

/// Whether the wall clock is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sync {
    /// Its keeper says that it reached a time server, last then.
    Synchronised {
        by: Text,
        since: Option<Timestamp>,
    },
    /// A keeper runs; whether it has reached a server is not known.
    Kept {
        by: Text,
    },
    NotKnown,
}

/// What this process may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    pub uid: u32,
    /// CAP_NET_RAW: open a capture.
    pub capture: bool,
    /// CAP_SYS_PTRACE: see which sockets other users' processes hold.
    pub see_others: bool,
    /// Who called for the superuser by sudo or pkexec.
    pub invoker: Option<u32>,
    /// Version of Landlock's interface, if the kernel has it.
    pub landlock: Option<i32>,
    pub seccomp: bool,
}

/// Which threads are confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Looks at other processes under /proc, which Landlock would forbid (a confined process may not look into those that
    /// are not), and writes nothing at all.
    Host,
    /// All others: write below the output folder only.
    Rest,
}

/// A right that the program gives up, or a bar it sets itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Become the user who called for the superuser.
    User,
    Capabilities,
    NoNewPrivileges,
    /// Write nowhere but where told (landlock(7)).
    Landlock,
    /// No new sockets but netlink(7), no programs or doors into the kernel (seccomp(2)).
    Seccomp,
}

impl Measure {
    pub const ALL: [Self; 5] = [Self::User, Self::Capabilities, Self::NoNewPrivileges, Self::Landlock, Self::Seccomp];

    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no_new_privs",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
        }
    }
}

/// What became of a measure. The text is a detail for people: which user, which rights, which folders, which error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    Done(Text),
    /// There was nothing to give up.
    NotNeeded(Text),
    /// In part, because the kernel knows no more.
    Partly(Text),
    Not(Text),
}

/// One measure and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub measure: Measure,
    pub taken: Taken,
}
