//! The books by remote address: what each got, under which names. Flows are folded in when they end; nothing vanishes
//! uncounted.

use super::agreements::{Agreed, AgreementId};
use super::limits::LedgerLimits;
use super::notes::{HiddenSet, TokenSet};
use super::owners::OwnerSet;
use super::trips::TripId;
use super::view::Tally;
use crate::attribution::{Index, NameBasis, NameId};
use crate::dissect::fact::MediaSeen;
use crate::wire::{Day, FrameNo, Timestamp, Tunnel};
use smallvec::SmallVec;
use std::net::IpAddr;

/// Everything of one flow that the books want.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) server: IpAddr,
    pub(super) port: u16,
    pub(super) name: Option<(NameId, NameBasis)>,
    pub(super) up: Tally,
    pub(super) down: Tally,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) frame: FrameNo,
    pub(super) spoken: TokenSet,
    pub(super) clear: TokenSet,
    pub(super) outer: bool,
    pub(super) tunnel: Tunnel,
    pub(super) owners: OwnerSet,
    pub(super) hidden: HiddenSet,
    pub(super) agreement: Option<AgreementId>,
    /// Media sent and received.
    pub(super) media: Option<[MediaSeen; 2]>,
    pub(super) trip: Option<TripId>,
    /// The audited device and program take part, or none were named.
    pub(super) judged: bool,
}

/// What went to one address under one name in one period of law, from the audited device or from others.
#[derive(Debug, Clone)]
pub(super) struct Encounter {
    pub(super) name: Option<(NameId, NameBasis)>,
    pub(super) up: Tally,
    pub(super) down: Tally,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) frames: SmallVec<[FrameNo; 2]>,
    pub(super) flows: u32,
    pub(super) outer: u32,
    pub(super) spoken: TokenSet,
    pub(super) clear: TokenSet,
    pub(super) tunnel: Tunnel,
    pub(super) owners: OwnerSet,
    pub(super) hidden: HiddenSet,
    pub(super) agreed: SmallVec<[Agreed; 1]>,
    /// Flows whose agreement is beyond the bound.
    pub(super) ungraded: u32,
    /// Media sent and received; most have none.
    pub(super) media: Option<Box<[MediaSeen; 2]>>,
    /// Turning days before its flows began.
    pub(super) period: u16,
    pub(super) judged: bool,
    /// The server's port in the first flow.
    pub(super) port: u16,
    /// Position among the recipients, once it is filed.
    pub(super) recipient: Option<u32>,
}

/// One remote address.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) address: IpAddr,
    /// Most addresses serve one name.
    pub(super) encounters: SmallVec<[Encounter; 1]>,
    /// Where the round trips of this address stand, if some flow of it knows.
    pub(super) trip: Option<TripId>,
}

/// Something that is kept by address.
pub(super) trait Addressed {
    fn address(&self) -> IpAddr;
}

impl Addressed for Endpoint {
    fn address(&self) -> IpAddr {
        self.address
    }
}

/// Positions in a list by address.
#[derive(Debug, Clone, Default)]
pub(super) struct AddressIndex(Index);

impl AddressIndex {
    pub(super) fn find(&self, address: IpAddr, list: &[impl Addressed]) -> Option<u32> {
        let is = |at: u32| list.get(at as usize).is_some_and(|there| there.address() == address);
        self.0.find(self.0.hash(bits(address)), is)
    }

    /// Adds a position whose address is known to be missing.
    pub(super) fn add(&mut self, address: IpAddr, at: u32) {
        self.0.add(self.0.hash(bits(address)), at);
    }
}

/// One number is hashed faster than an address.
pub(super) fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The books.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    limits: LedgerLimits,
    /// Sorted.
    turning_days: Vec<Day>,
    pub(super) endpoints: Vec<Endpoint>,
    index: AddressIndex,
    /// Traffic and flows of addresses beyond the bound.
    pub(super) beyond: Tally,
    pub(super) beyond_flows: u64,
    pub(super) up: Tally,
    pub(super) down: Tally,
    pub(super) flows: u64,
    /// Of these, flows of other devices than the audited one.
    pub(super) foreign: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.payload += other.payload;
    }
}

impl Ledger {
    pub(super) fn new(limits: LedgerLimits, turning_days: &[Day]) -> Self {
        Self {
            limits,
            turning_days: turning_days.to_vec(),
            endpoints: Vec::new(),
            index: AddressIndex::default(),
            beyond: Tally::default(),
            beyond_flows: 0,
            up: Tally::default(),
            down: Tally::default(),
            flows: 0,
            foreign: 0,
        }
    }

    /// Whether flows began in more than one period.
    pub(super) fn has_periods(&self) -> bool {
        let mut periods = self.endpoints.iter().flat_map(|e| &e.encounters).map(|e| e.period);
        let first = periods.next();
        periods.any(|period| Some(period) != first)
    }

    pub(super) fn fold(&mut self, entry: &Entry) {
        self.up.add(entry.up);
        self.down.add(entry.down);
        self.flows += 1;
        self.foreign += u64::from(!entry.judged);
        let full = self.endpoints.len() >= self.limits.endpoints;
        let at = match self.index.find(entry.server, &self.endpoints) {
            Some(at) => at,
            None if full => {
                self.beyond.add(entry.up);
                self.beyond.add(entry.down);
                self.beyond_flows += 1;
                return;
            }
            None => {
                let at = self.endpoints.len() as u32;
                self.endpoints.push(Endpoint { address: entry.server, encounters: SmallVec::new(), trip: None });
                self.index.add(entry.server, at);
                at
            }
        };
        let day = entry.first.day();
        let period = self.turning_days.partition_point(|turn| *turn <= day) as u16;
        let Some(endpoint) = self.endpoints.get_mut(at as usize) else { return };
        endpoint.trip = endpoint.trip.or(entry.trip);
        endpoint.fold(entry, period, &self.limits);
    }

    /// Position among the recipients of what went to an address under a name, once it is filed.
    pub(super) fn recipient(&self, address: IpAddr, name: Option<NameId>) -> Option<u32> {
        let endpoint = self.endpoints.get(self.index.find(address, &self.endpoints)? as usize)?;
        let mut named = endpoint.encounters.iter().rev().filter(|e| e.name.map(|(id, _)| id) == name);
        named.find_map(|e| e.recipient)
    }
}

impl Endpoint {
    fn fold(&mut self, entry: &Entry, period: u16, limits: &LedgerLimits) {
        let named = self.encounters.len() < limits.names_per_endpoint;
        let akin = |e: &Encounter| e.judged == entry.judged && e.period == period;
        let same = |e: &Encounter| akin(e) && e.name.map(|(id, _)| id) == entry.name.map(|(id, _)| id);
        let known = self.encounters.iter().position(same);
        // Beyond the bound, names share the encounter that has none.
        let nameless = |e: &Encounter| akin(e) && e.name.is_none();
        let at = known.or_else(|| if named { None } else { self.encounters.iter().position(nameless) });
        let at = at.unwrap_or_else(|| {
            self.encounters.push(Encounter::new(entry.name.filter(|_| named), entry, period));
            self.encounters.len() - 1
        });
        let Some(encounter) = self.encounters.get_mut(at) else { return };
        encounter.fold(entry, limits);
    }

    pub(super) fn sum(&self, of: impl Fn(&Encounter) -> Tally) -> Tally {
        let mut sum = Tally::default();
        self.encounters.iter().for_each(|e| sum.add(of(e)));
        sum
    }
}

impl Encounter {
    fn new(name: Option<(NameId, NameBasis)>, entry: &Entry, period: u16) -> Self {
        Self {
            name,
            up: Tally::default(),
            down: Tally::default(),
            first: entry.first,
            last: entry.first,
            frames: SmallVec::new(),
            flows: 0,
            outer: 0,
            spoken: TokenSet::default(),
            clear: TokenSet::default(),
            tunnel: Tunnel::default(),
            owners: OwnerSet::default(),
            hidden: HiddenSet::default(),
            agreed: SmallVec::new(),
            ungraded: 0,
            media: None,
            period,
            judged: entry.judged,
            port: entry.port,
            recipient: None,
        }
    }

    fn fold(&mut self, entry: &Entry, limits: &LedgerLimits) {
        if let (Some((_, basis)), Some((_, better))) = (&mut self.name, entry.name) {
            *basis = (*basis).min(better);
        }
        self.up.add(entry.up);
        self.down.add(entry.down);
        self.first = self.first.min(entry.first);
        self.last = self.last.max(entry.last);
        self.flows += 1;
        self.outer += u32::from(entry.outer);
        self.spoken.join(entry.spoken);
        self.clear.join(entry.clear);
        self.tunnel = self.tunnel.with(entry.tunnel);
        self.owners.join(entry.owners);
        self.hidden.join(entry.hidden);
        if let Some(more) = &entry.media {
            let media = self.media.get_or_insert_default();
            media.iter_mut().zip(more).for_each(|(seen, more)| seen.join(more));
        }
        if let Some(id) = entry.agreement {
            let room = self.agreed.len() < limits.agreements_per_recipient;
            match self.agreed.iter_mut().find(|known| known.id == id) {
                Some(known) => known.flows += 1,
                None if room => self.agreed.push(Agreed { id, flows: 1, frame: entry.frame }),
                None => self.ungraded += 1,
            }
        }
        if self.frames.len() < limits.frames_per_recipient {
            self.frames.push(entry.frame);
        }
    }
}
