//! The program behind a flow, as the machine told that runs it. Who asked the machine is the outer rooms' business.

use crate::wire::{Text, Timestamp};

/// How well a process was matched to a flow, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerMatch {
    /// The flow runs in a network namespace that holds nothing but the client.
    Namespace,
    /// A socket with both ends of the flow.
    Socket,
    /// A socket on the local address and port; UDP sockets name no other end.
    LocalPort,
    /// The capture file says so.
    Told,
}

impl OwnerMatch {
    /// The stable token of tables and reports.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Socket => "socket",
            Self::LocalPort => "local-port",
            Self::Told => "told",
        }
    }
}

/// A process as it was when it was asked for. Names and paths are chosen by whoever wrote the program: untrusted text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// 0 where only a name was told.
    pub pid: u32,
    /// The short name (`comm`), or what the capture file calls the program.
    pub name: Text,
    /// Path of the executable; empty if it could not be read.
    pub path: Text,
    /// When the process started: a number is used again, the pair is not.
    pub started: Option<Timestamp>,
    /// Flatpak, Snap, container or unit that it runs in; empty if none.
    pub container: Text,
    /// The processes it descends from, nearest first; bounded.
    pub parents: Vec<(u32, Text)>,
    pub matched: OwnerMatch,
}
