//! How a recipient stands to the audited service: part of it, named in the list, background, or neither.

use super::background::Background;
use super::service::{Disclosed, Host, PhoneHome, Profile};
use super::subject::Listing;
use super::words::Lang;
use crate::attribution::is_address;
use crate::wire::{AddressKind, Day};
use std::net::IpAddr;

/// What was seen of one recipient. All names are lower-case and without the trailing dot.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sighting<'a> {
    /// Best basis first. The first that is a host name decides; an address written as a name is none.
    pub names: &'a [&'a str],
    pub addresses: &'a [IpAddr],
    pub asn: Option<u32>,
    /// Company that runs the host by that name.
    pub operator: Option<&'a str>,
    /// Company in whose network it stands; counts only where there is no name.
    pub holder: Option<&'a str>,
    /// Protocol tokens.
    pub applications: &'a [&'a str],
    /// Day of the first flow, for ranges that were published for a time.
    pub day: Day,
}

/// How it stands, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed<'a> {
    pub listing: Listing,
    /// Purpose, where the profile or the background list gives one.
    pub role: Option<&'static str>,
    pub reason: Reason<'a>,
}

/// What the answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'a> {
    /// The host name.
    Name,
    /// A range published by the provider.
    Network,
    /// The AS number.
    Asn(u32),
    /// The company's name.
    Company,
    /// Background of this system (`windows`, `any` ...).
    System(&'a str),
    /// The protocol.
    Protocol,
    /// The kind of address.
    Address,
    /// Nothing matched.
    Nothing,
}

impl Reason<'_> {
    #[must_use]
    pub const fn words(&self, lang: Lang) -> &'static str {
        match self {
            Self::Name => lang.pick("by its host name", "nach dem Hostnamen"),
            Self::Network => lang.pick("by a published address range", "nach einem veröffentlichten Adressbereich"),
            Self::Asn(_) => lang.pick("by its AS number", "nach der AS-Nummer"),
            Self::Company => lang.pick("by the company's name", "nach dem Firmennamen"),
            Self::System(_) => lang.pick("known background traffic", "bekannter Hintergrundverkehr"),
            Self::Protocol => lang.pick("by its protocol", "nach dem Protokoll"),
            Self::Address => lang.pick("by its kind of address", "nach der Art der Adresse"),
            Self::Nothing => lang.pick("nothing matched", "keine Übereinstimmung"),
        }
    }
}

const fn placed<'a>(listing: Listing, role: Option<&'static str>, reason: Reason<'a>) -> Placed<'a> {
    Placed { listing, role, reason }
}

/// Whether a name is a host name at all: clients put bare addresses into the hello, and reverse names are questions.
pub(crate) fn is_host_name(name: &str) -> bool {
    !name.is_empty() && !is_address(name) && name.rsplit('.').next() != Some("arpa")
}

/// Decides. Names beat networks; among names the most specific pattern wins, and on a tie the list before the profile's
/// third parties, the profile before the background.
pub(crate) fn place<'a>(profile: Option<&'a Profile>, background: &'a Background, seen: &Sighting<'_>) -> Placed<'a> {
    let name = seen.names.iter().copied().find(|n| is_host_name(n));
    let local = !seen.addresses.is_empty() && !seen.addresses.iter().any(|a| AddressKind::of(*a).is_outside());
    let other = if local {
        placed(Listing::Local, None, Reason::Address)
    } else if let Some(role) = background.applications(seen.applications) {
        placed(Listing::Background, Some(role.token()), Reason::Protocol)
    } else if profile.is_some() {
        placed(Listing::NotListed, None, Reason::Nothing)
    } else {
        placed(Listing::Unjudged, None, Reason::Nothing)
    };
    if let Some(name) = name {
        let by_name = profile.and_then(|p| p.place_name(name));
        if let Some((role, system, rank)) = background.host(name)
            && by_name.is_none_or(|(_, r)| r < rank)
            && !local
        {
            return placed(Listing::Background, Some(role.token()), Reason::System(system));
        }
        if let Some((found, _)) = by_name {
            return found;
        }
        if let Some(company) = seen.operator
            && profile.is_some_and(|p| p.list.entry_of_company(company).is_some())
            && !local
        {
            return placed(Listing::Subprocessor, None, Reason::Company);
        }
        return other;
    }
    // The own network and the infrastructure are told by kind; only what is left may be claimed through a network.
    let Some(profile) = profile.filter(|_| other.listing == Listing::NotListed) else {
        // A range given as {host} can be private.
        return profile.and_then(|p| p.place_range(seen, true)).unwrap_or(other);
    };
    if let Some(found) = profile.place_range(seen, false) {
        return found;
    }
    if let Some((asn, row)) = seen.asn.and_then(|a| profile.asns.get(&a).map(|row| (a, *row))) {
        let role = profile.file.networks.get(row).and_then(|n| n.purpose).map(super::service::Purpose::token);
        return placed(Listing::Service, role, Reason::Asn(asn));
    }
    if let Some(asn) = seen.asn.filter(|a| profile.list.entry_of_asn(*a).is_some()) {
        return placed(Listing::Subprocessor, None, Reason::Asn(asn));
    }
    if seen.holder.is_some_and(|h| profile.list.entry_of_company(h).is_some()) {
        return placed(Listing::Subprocessor, None, Reason::Company);
    }
    other
}

impl Profile {
    fn place_name(&self, name: &str) -> Option<(Placed<'_>, super::hosts::Rank)> {
        let own = self.hosts.find(name);
        let listed = self.list.entry_of_host(name);
        let row = |host: &Host| match *host {
            Host::Listed(at) => self.file.hosts.get(at).map(|r| (&*r.recipient, r.purpose)),
            Host::Default(at) => self.file.defaults.get(at).map(|r| (&*r.recipient, r.purpose)),
        };
        match (own, listed) {
            (Some(own), listed) => {
                let (recipient, purpose) = row(own.value)?;
                let role = Some(purpose.token());
                let rank = own.rank;
                if let Some(listed) = listed.filter(|l| l.rank > rank || (l.rank == rank && !recipient.is_empty())) {
                    return Some((
                        placed(Listing::Subprocessor, role.filter(|_| listed.rank == rank), Reason::Name),
                        listed.rank,
                    ));
                }
                let listing = if recipient.is_empty() {
                    Listing::Service
                } else if self.list.entry_of_company(recipient).is_some() {
                    Listing::Subprocessor
                } else {
                    Listing::NotListed
                };
                Some((placed(listing, role, Reason::Name), rank))
            }
            (None, Some(listed)) => Some((placed(Listing::Subprocessor, None, Reason::Name), listed.rank)),
            (None, None) => None,
        }
    }

    fn place_range(&self, seen: &Sighting<'_>, parameters_only: bool) -> Option<Placed<'_>> {
        let (row, _) = self.range_of(seen.addresses, seen.day).filter(|(row, _)| !parameters_only || row.is_none())?;
        let role =
            row.and_then(|at| self.file.networks.get(at)).and_then(|n| n.purpose).map(super::service::Purpose::token);
        Some(placed(Listing::Service, role, Reason::Network))
    }

    /// The published range that the first of the addresses lies in on that day: its row and whether its place is uncertain.
    fn range_of(&self, addresses: &[IpAddr], day: Day) -> Option<(Option<usize>, bool)> {
        let address = *addresses.first()?;
        self.ranges.iter().filter(|r| r.prefix.contains(address)).find_map(|range| {
            let Some(row) = range.row.and_then(|at| self.file.networks.get(at)) else { return Some((None, false)) };
            let holds = row.from.is_none_or(|f| f.0 <= day) && row.until.is_none_or(|u| day < u.0);
            holds.then_some((range.row, row.place_uncertain))
        })
    }

    /// Whether country databases are known to show only the provider's seat for these addresses.
    pub(crate) fn place_is_uncertain(&self, addresses: &[IpAddr], day: Day) -> bool {
        self.range_of(addresses, day).is_some_and(|(_, uncertain)| uncertain)
    }

    /// What the profile notes on the published range that addresses lie in on that day.
    pub(crate) fn network_note(&self, addresses: &[IpAddr], day: Day) -> Option<&str> {
        let row = self.range_of(addresses, day)?.0?;
        self.file.networks.get(row).map(|n| &*n.note).filter(|note| !note.is_empty())
    }

    /// The entry of the list that speaks for a recipient.
    pub(crate) fn disclosed(&self, name: Option<&str>, operator: Option<&str>, holder: Option<&str>) -> Option<usize> {
        let company = |c: Option<&str>| c.and_then(|c| self.list.entry_of_company(c));
        match name {
            Some(name) => self
                .list
                .entry_of_host(name)
                .map(|hit| *hit.value)
                .or_else(|| self.third_party(name).and_then(|r| self.list.entry_of_company(r)))
                .or_else(|| company(operator)),
            None => company(holder),
        }
    }

    pub(crate) fn entry(&self, at: usize) -> Option<&Disclosed> {
        self.list.entries.get(at)
    }

    /// The third party that the profile knows behind a host name.
    pub(crate) fn third_party(&self, name: &str) -> Option<&str> {
        match *self.hosts.find(name)?.value {
            Host::Listed(at) => self.file.hosts.get(at).map(|r| &*r.recipient),
            Host::Default(at) => self.file.defaults.get(at).map(|r| &*r.recipient),
        }
        .filter(|r| !r.is_empty())
    }

    /// The documented default behind a host name.
    pub(crate) fn default_of(&self, name: &str) -> Option<&PhoneHome> {
        match *self.hosts.find(name)?.value {
            Host::Default(at) => self.file.defaults.get(at),
            Host::Listed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
