//! A value that carries how it is known.

use crate::dissect::fact::NameSource;
use crate::wire::FrameNo;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// How much a claim is worth. Not a probability: a rank with stated reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Where a statement comes from: a data file or database with its date and hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Source {
    pub name: Box<str>,
    /// `YYYY-MM-DD`, or empty where the source has none.
    pub date: Box<str>,
    /// SHA-256 in lower-case hexadecimal, whole.
    pub sha256: Box<str>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.date.is_empty() { Ok(()) } else { write!(f, " of {}", self.date) }
    }
}

/// A value with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<T> {
    pub value: T,
    /// Who says so: `DB-IP Country Lite of 2026-06-01`, `AWS IP ranges of 2025-10-31`.
    pub source: Arc<Source>,
    pub confidence: Confidence,
}

/// An ISO 3166-1 alpha-2 code, upper-case, or one of the codes that databases use beside it (XK, EU, AP, ZZ ...).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Two ASCII letters or digits; `UK` and `EL` become `GB` and `GR`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let &[a, b] = text.as_bytes() else { return None };
        let code = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
        if !code.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        Some(Self(match &code {
            b"UK" => *b"GB",
            b"EL" => *b"GR",
            _ => code,
        }))
    }

    /// Whether it stands for a place on a map. Databases also write codes for "unknown", for continents and for
    /// proxies; of the codes that ISO 3166-1 leaves to users only `XK` (Kosovo) has a settled meaning.
    #[must_use]
    pub const fn is_a_place(&self) -> bool {
        !matches!(
            &self.0,
            b"ZZ" | b"AA" | b"AP" | b"EU" | [_, b'0'..=b'9'] | [b'0'..=b'9', _] | [b'Q', b'M'..=b'Z'] | [b'X', b'A'..=b'J' | b'L'..=b'Z']
        )
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("ZZ")
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for CountryCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CountryCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no country code of two letters or digits"))
    }
}

/// How a flow came by its name, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameBasis {
    /// The flow itself said it.
    Hello(NameSource),
    /// As `Hello`, but beside an ECH extension: perhaps only a cover name.
    OuterHello(NameSource),
    /// This client had got the address as the answer to a question for this name.
    DnsAnswer {
        /// Whole seconds between the answer and the first frame of the flow.
        age_secs: u32,
        frame: FrameNo,
    },
    /// The server's certificate.
    Certificate,
    /// This client got the address as the answer to a question for this name, but the flow had begun before: another answer
    /// was not captured, or the frames are out of order.
    DnsAfter {
        /// The frame of the answer.
        frame: FrameNo,
    },
    /// Looked up by this program because the user asked for it (`--resolve`); nobody in the capture said it.
    ReverseLookup,
}

impl NameBasis {
    /// The stable token of the tables' `name_basis` column.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Hello(how) => how.token(),
            Self::OuterHello(_) => "outer-sni",
            Self::DnsAnswer { .. } => "dns",
            Self::Certificate => "certificate",
            Self::DnsAfter { .. } => "dns-after",
            Self::ReverseLookup => "ptr",
        }
    }
}
