//! What is told to an auditor: an observation that deserves a look, with what it rests on.

use super::suppression::SetAside;
use crate::attribution::{Confidence, Source};
use crate::wire::{FrameNo, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How much a human should look at it. It ranks attention, not illegality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Notice,
    Attention,
    High,
}

impl Severity {
    pub const ALL: [Self; 4] = [Self::Info, Self::Notice, Self::Attention, Self::High];

    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Attention => "attention",
            Self::High => "high",
        }
    }
}

/// The ground a finding stands on. The first three are different findings and are never merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// A database or range list places the address in a country.
    LocatedIn,
    /// The company that runs it has its seat in a country.
    RunBy,
    /// A parent of that company has its seat in a country.
    ParentSeatedIn,
    /// Compared with a list of recipients.
    List,
    /// Compared with a list of telemetry and tracker hosts.
    Category,
    /// Read from the handshake or the bytes.
    Transport,
    /// About the capture, not about a recipient.
    Capture,
}

impl Ground {
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::LocatedIn => "located_in",
            Self::RunBy => "run_by",
            Self::ParentSeatedIn => "parent_seated_in",
            Self::List => "list",
            Self::Category => "category",
            Self::Transport => "transport",
            Self::Capture => "capture",
        }
    }
}

/// One finding. Texts of people are made from it in the language asked for; nothing here is a legal verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// `TRF-02`: the rule's stable code.
    pub code: &'static str,
    pub severity: Severity,
    pub ground: Ground,
    /// Whom it is about, in one short line, already neutralised.
    pub subject: Box<str>,
    /// The sentence in the language asked for, already neutralised.
    pub text: Box<str>,
    pub confidence: Confidence,
    /// What weakens it, in plain words, joined by `; `. Empty if nothing does.
    pub uncertainty: Box<str>,
    pub first: Timestamp,
    pub last: Timestamp,
    /// Frames it rests on: the first of every flow concerned, bounded.
    pub frames: Vec<FrameNo>,
    pub sources: Vec<Arc<Source>>,
    /// The auditor has set it aside: it is told, but it calls nobody.
    pub aside: Option<Arc<SetAside>>,
}
