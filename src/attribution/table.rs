//! What the TOML tables of this room have in common: dated rows, and messages that name them.

use super::{AttributionError, Source};
use crate::wire::Day;
use serde::Deserialize;
use std::sync::Arc;

/// Whether the facts of a row were read in the source it names, or are general knowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    Verified,
    Unverified,
}

impl Standing {
    pub(super) const fn is_unverified(self) -> bool {
        matches!(self, Self::Unverified)
    }
}

/// A row under test, for the words of its faults.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) file: &'a str,
    /// `organisation`, `network`.
    pub(super) place: &'static str,
    pub(super) id: &'a str,
}

impl Row<'_> {
    pub(super) fn wrong(&self, reason: &str, cure: &'static str) -> AttributionError {
        AttributionError::table(self.file, &format!("{} `{}`", self.place, self.id), reason, cure)
    }

    pub(super) fn twice(&self, what: &str) -> AttributionError {
        self.wrong(&format!("{what} stands in two rows"), "take it out of one")
    }

    pub(super) fn needs_day(&self, as_of: &str) -> Result<(), AttributionError> {
        match Day::parse(as_of) {
            Some(_) => Ok(()),
            None => Err(self.wrong(&format!("as_of `{as_of}` is no day"), "write it as YYYY-MM-DD")),
        }
    }

    pub(super) fn needs_text(&self, key: &str, text: &str) -> Result<(), AttributionError> {
        if text.trim().is_empty() {
            return Err(self.wrong(&format!("`{key}` is empty"), "every statement carries its reason and its source"));
        }
        Ok(())
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> Box<str> {
    data_encoding::HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref()).into()
}

pub(super) fn source_of(name: &str, date: &str, text: &str) -> Arc<Source> {
    Arc::new(Source { name: name.into(), date: date.into(), sha256: sha256(text.as_bytes()) })
}
