//! Why bytes could not be read. A fault is a value that is counted, never an error that stops the work.

/// The layer whose bytes were wrong or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    Link,
    Network,
    Transport,
    Tunnel,
    Application,
}

/// What was wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The bytes end before the field does, because the capture kept less than was sent.
    Cut,
    /// The bytes end before the field does, although the frame is whole.
    Short,
    /// A value that the format does not allow.
    Malformed,
    /// A format that this program does not read (the link type, mostly).
    Unsupported,
    /// Headers nested deeper than the stated bound.
    TooDeep,
    /// A buffer bound was reached; what came before was read.
    Limit,
}

/// One reading that failed: where, at which offset, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    pub layer: Layer,
    pub kind: FaultKind,
    /// Offset in bytes from the start of what the reader was given.
    pub offset: u32,
    /// What was read, in the field's words ("vlan tag", "client hello").
    pub what: &'static str,
}

impl Fault {
    #[must_use]
    pub fn new(layer: Layer, kind: FaultKind, offset: usize, what: &'static str) -> Self {
        Self { layer, kind, offset: u32::try_from(offset).unwrap_or(u32::MAX), what }
    }
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Link => "link",
            Self::Network => "network",
            Self::Transport => "transport",
            Self::Tunnel => "tunnel",
            Self::Application => "application",
        })
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cut => "cut",
            Self::Short => "short",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::TooDeep => "too_deep",
            Self::Limit => "limit",
        })
    }
}
