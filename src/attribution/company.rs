//! Companies: who runs a host, where it has its seat, and who owns it.

use super::CountryCode;

/// A company, with seat and ultimate parent kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    pub name: Box<str>,
    /// Where the operating company has its seat.
    pub seat: Option<CountryCode>,
    /// The ultimate parent, if it is another company.
    pub parent: Option<Box<str>>,
    pub parent_seat: Option<CountryCode>,
    /// The data marks the entry as general knowledge, not sourced.
    pub unverified: bool,
}

impl Company {
    /// The seat of whoever is at the top: the parent's, else its own.
    #[must_use]
    pub fn top_seat(&self) -> Option<CountryCode> {
        if self.parent.is_some() { self.parent_seat } else { self.seat }
    }
}
