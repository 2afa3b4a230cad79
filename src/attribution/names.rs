//! Passive DNS: which name a client had asked for when it got an address as the answer. A name belongs to the client
//! that asked; the same address may bear another name for its neighbour.

use super::domain::MAX_NAME_BYTES;
use super::intern::{Index, Interner, NameId};
use crate::dissect::fact::Answer;
use crate::wire::{AddressKind, FrameNo, Timestamp};
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::net::IpAddr;

/// A name that a client had got an address for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsName<'a> {
    /// The name that was asked for, at the start of the alias chain.
    pub name: &'a str,
    /// From `name` through every alias (CNAME) to the name that owns the address; empty if there was no alias.
    pub chain: Vec<&'a str>,
    /// Whole seconds between the answer and the time asked about.
    pub age_secs: u32,
    /// Seconds the answer was good for. Stub resolvers and programs keep answers longer: a hint, no gate.
    pub ttl: u32,
    /// The frame of the answer.
    pub frame: FrameNo,
}

/// Most addresses have one.
pub type DnsNames<'a> = SmallVec<[DnsName<'a>; 1]>;

/// The bounds of a [`NameBook`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameBounds {
    /// Addresses in answers that are kept; beyond it the oldest go.
    pub answers: usize,
    /// Different names kept, and steps of alias chains, and clients; beyond it those that no answer uses go, then the
    /// older half of the answers.
    pub names: usize,
    /// Bytes of different names kept; beyond it the same.
    pub name_bytes: usize,
}

impl Default for NameBounds {
    /// About 150 MB at worst: a week of a busy office, or minutes of a flood.
    fn default() -> Self {
        Self { answers: 1 << 20, names: 1 << 21, name_bytes: 64 << 20 }
    }
}

/// Different names reported for one address: a shared front end has dozens, a reader wants the few latest.
const NAMES_PER_ADDRESS: usize = 8;
/// Answers looked back through for one address and client: the work per question stays bounded when one name is asked
/// for again and again.
const STEPS_PER_LOOKUP: usize = 64;
/// Clients looked through for one address. They are in order of their latest answer, and a flow follows its answer soon.
const CLIENTS_PER_ADDRESS: usize = 256;
/// Aliases followed: resolvers give up at 8 to 16 (RFC 1034 §3.6.2 asks for an end, not for a number).
const MAX_CHAIN: usize = 16;
/// Answers per block of the log. Whole blocks are evicted, so nothing is ever moved.
const BLOCK: usize = 1024;
/// No alias chain, no older answer, no other client.
const NONE: u32 = u32::MAX;

/// One address in one answer. Entries of one address form a list by client, the latest first, and each heads the list of
/// that client's older answers; numbers only fall along both, so an evicted entry is the end of its list.
#[derive(Debug, Clone, Copy)]
struct Entry {
    time: Timestamp,
    frame: FrameNo,
    address: [u8; 16],
    client: u32,
    name: NameId,
    /// The last link of its alias chain.
    chain: u32,
    ttl: u32,
    /// The answer before, for the same client and address.
    older: u32,
    /// The latest answer of another client for this address; only at the head of a client's list.
    other: u32,
}

/// One step of an alias chain. Chains share their beginnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Link {
    before: u32,
    name: NameId,
}

/// The message whose records are arriving: records of one message come one after the other.
#[derive(Debug)]
struct Message {
    client: u32,
    frame: FrameNo,
    query: NameId,
    /// The names reached from the question by aliases so far, each with the last link to it.
    reached: Vec<(NameId, u32)>,
}

/// What the book holds and what it had to let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NameBooks {
    /// Addresses in answers, kept now.
    pub answers: usize,
    /// Different names, kept now.
    pub names: usize,
    /// Answers let go, oldest first, because a bound was reached.
    pub evicted: u64,
    /// Answers not taken in: a name longer than a name can be.
    pub refused: u64,
    /// Bytes held by all of it.
    pub bytes: usize,
}

/// Every answer that clients got, oldest first, with an index by address.
#[derive(Debug)]
pub struct NameBook {
    bounds: NameBounds,
    names: Interner,
    clients: HashMap<[u8; 16], u32>,
    /// The client of the last answer: mostly it is the same one again.
    last_client: Option<([u8; 16], u32)>,
    links: Vec<Link>,
    link_ids: HashMap<Link, u32>,
    /// Blocks of the log; entry number `n` is in block `(n - first) / BLOCK`.
    log: VecDeque<Vec<Entry>>,
    /// The number of the oldest entry kept, a multiple of [`BLOCK`].
    first: u32,
    /// The number of the next entry.
    next: u32,
    /// The newest entry of each address.
    index: Index,
    message: Option<Message>,
    evicted: u64,
    refused: u64,
}

impl Default for NameBook {
    fn default() -> Self {
        Self::new(NameBounds::default())
    }
}

impl NameBook {
    #[must_use]
    pub fn new(bounds: NameBounds) -> Self {
        Self {
            bounds,
            names: Interner::default(),
            clients: HashMap::default(),
            last_client: None,
            links: Vec::new(),
            link_ids: HashMap::default(),
            log: VecDeque::new(),
            first: 0,
            next: 0,
            index: Index::default(),
            message: None,
            evicted: 0,
            refused: 0,
        }
    }

    /// Takes in one answer record that `client` got. The records of one message must come in their order, in one go.
    /// Records without an address matter only as aliases.
    ///
    /// What neighbours say by multicast (mDNS, LLMNR) counts for local addresses alone: they are asked about the own
    /// network, not about the world.
    pub fn learn(&mut self, client: IpAddr, answer: &Answer, time: Timestamp, frame: FrameNo) {
        let is_alias = &*answer.kind == "CNAME";
        if answer.address.is_none() && answer.hints.is_empty() && !is_alias {
            return;
        }
        let (query, owner) = (answer.query.exact(), answer.owner.exact());
        let longest = query.len().max(owner.len()).max(if is_alias { answer.data.exact().len() } else { 0 });
        if longest > MAX_NAME_BYTES || query.is_empty() {
            self.refused += 1;
            return;
        }
        if self.is_full(1) {
            self.make_room();
        }
        let client = self.client(octets(client));
        let Some(query_id) = self.open_message(client, frame, query) else { return };
        let owner_id = if owner == query { Some(query_id) } else { self.names.intern(owner) };
        let Some(owner_id) = owner_id else { return };
        if is_alias {
            self.alias(owner_id, answer.data.exact());
            return;
        }
        let (name, chain) = self.chain_to(query_id, owner_id);
        let neighbour = matches!(answer.transport, "mdns" | "llmnr");
        for address in answer.address.iter().chain(&answer.hints) {
            if neighbour && AddressKind::of(*address).is_public() {
                continue;
            }
            let address = octets(*address);
            let ttl = answer.ttl;
            self.push(Entry { time, frame, address, client, name, chain, ttl, older: NONE, other: NONE });
        }
    }

    /// The names under which this very client had got this address, the latest first, from answers at or before `at`.
    #[must_use]
    pub fn name_for(&self, client: IpAddr, address: IpAddr, at: Timestamp) -> DnsNames<'_> {
        let client = octets(client);
        let known = match self.last_client {
            Some((last, id)) if last == client => Some(id),
            _ => self.clients.get(&client).copied(),
        };
        let Some(client) = known else { return DnsNames::new() };
        let own = self.heads(address).find(|(_, entry)| entry.client == client);
        own.map_or_else(DnsNames::new, |(number, _)| self.read_back(number, at))
    }

    /// The same from the answers of the client that asked last for this address before `at`, whoever that was. Weaker:
    /// use it only where the clients are known to be one machine, as when a host asks over IPv4 and connects over IPv6.
    #[must_use]
    pub fn name_from_anyone(&self, address: IpAddr, at: Timestamp) -> DnsNames<'_> {
        let mut best: Option<(Timestamp, u32)> = None;
        for (head, entry) in self.heads(address) {
            let mut own = std::iter::successors(Some((head, entry)), |(_, e)| Some((e.older, self.entry(e.older)?)));
            let latest = own.by_ref().take(STEPS_PER_LOOKUP).find(|(_, e)| e.time <= at);
            best = best.max(latest.map(|(number, e)| (e.time, number)));
            // All that follow are older than this head.
            if entry.time <= at {
                break;
            }
        }
        best.map_or_else(DnsNames::new, |(_, number)| self.read_back(number, at))
    }

    /// What is held, and what was let go.
    #[must_use]
    pub fn books(&self) -> NameBooks {
        NameBooks {
            answers: self.log.iter().map(Vec::len).sum(),
            names: self.names.len(),
            evicted: self.evicted,
            refused: self.refused,
            bytes: self.log.iter().map(|block| block.capacity() * size_of::<Entry>()).sum::<usize>()
                + self.names.footprint()
                + self.index.footprint()
                + self.clients.allocation_size()
                + self.links.capacity() * size_of::<Link>()
                + self.link_ids.allocation_size(),
        }
    }

    /// The latest answer of each client for an address, the latest first.
    fn heads(&self, address: IpAddr) -> impl Iterator<Item = (u32, &Entry)> {
        let address = octets(address);
        let hash = self.index.hash(address);
        let newest = self.index.find(hash, |n| self.entry(n).is_some_and(|entry| entry.address == address));
        std::iter::successors(newest.and_then(|n| Some((n, self.entry(n)?))), |(_, entry)| {
            Some((entry.other, self.entry(entry.other)?))
        })
        .take(CLIENTS_PER_ADDRESS)
    }

    fn read_back(&self, newest: u32, at: Timestamp) -> DnsNames<'_> {
        let mut found = DnsNames::new();
        let mut ids = [None; NAMES_PER_ADDRESS];
        let mut next = newest;
        for _ in 0..STEPS_PER_LOOKUP {
            let Some(entry) = self.entry(next) else { break };
            next = entry.older;
            if entry.time > at || ids.contains(&Some(entry.name)) {
                continue;
            }
            let Some(free) = ids.get_mut(found.len()) else { break };
            *free = Some(entry.name);
            found.push(DnsName {
                name: self.names.resolve(entry.name),
                chain: self.chain(entry.chain),
                age_secs: u32::try_from(at.since(entry.time) / 1_000_000_000).unwrap_or(u32::MAX),
                ttl: entry.ttl,
                frame: entry.frame,
            });
        }
        found
    }

    fn chain(&self, last: u32) -> Vec<&str> {
        let mut chain = Vec::new();
        let mut at = last;
        while let Some(link) = self.links.get(at as usize) {
            chain.push(self.names.resolve(link.name));
            at = link.before;
        }
        chain.reverse();
        chain
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        let at = number.checked_sub(self.first)? as usize;
        self.log.get(at / BLOCK)?.get(at % BLOCK)
    }

    fn entry_mut(&mut self, number: u32) -> Option<&mut Entry> {
        let at = number.checked_sub(self.first)? as usize;
        self.log.get_mut(at / BLOCK)?.get_mut(at % BLOCK)
    }

    fn client(&mut self, address: [u8; 16]) -> u32 {
        if let Some((last, id)) = self.last_client
            && last == address
        {
            return id;
        }
        let next = self.clients.len() as u32;
        let id = *self.clients.entry(address).or_insert(next);
        self.last_client = Some((address, id));
        id
    }

    /// Takes note of the message a record belongs to, and gives the number of its question.
    fn open_message(&mut self, client: u32, frame: FrameNo, query: &str) -> Option<NameId> {
        if let Some(message) = &self.message
            && (message.frame, message.client) == (frame, client)
            && self.names.resolve(message.query) == query
        {
            return Some(message.query);
        }
        let query = self.names.intern(query)?;
        let mut reached = self.message.take().map(|message| message.reached).unwrap_or_default();
        reached.clear();
        self.message = Some(Message { client, frame, query, reached });
        Some(query)
    }

    /// Notes that `owner` is an alias of `target`, if the question leads to it.
    fn alias(&mut self, owner: NameId, target: &str) {
        let Some(query) = self.message.as_ref().map(|m| m.query) else { return };
        let before = match self.reached(owner) {
            Some(last) => last,
            None if owner == query => self.link(Link { before: NONE, name: query }),
            None => return,
        };
        let Some(target) = self.names.intern(target) else { return };
        let full = self.message.as_ref().is_none_or(|m| m.reached.len() >= MAX_CHAIN);
        // An alias that leads back would be a circle.
        if full || target == query || self.reached(target).is_some() {
            return;
        }
        let last = self.link(Link { before, name: target });
        if let Some(message) = &mut self.message {
            message.reached.push((target, last));
        }
    }

    fn reached(&self, name: NameId) -> Option<u32> {
        self.message.as_ref()?.reached.iter().find(|(n, _)| *n == name).map(|(_, last)| *last)
    }

    /// The name that an address of `owner` goes by when `query` was asked, and the last link of the chain between them.
    /// An owner that the question does not lead to came along (glue, or the target of a service record, RFC 2782): its
    /// address was no answer to this question, so it goes by its own name.
    fn chain_to(&self, query: NameId, owner: NameId) -> (NameId, u32) {
        match self.reached(owner) {
            Some(last) if owner != query => (query, last),
            _ => (owner, NONE),
        }
    }

    /// The number of a link, new or known.
    fn link(&mut self, link: Link) -> u32 {
        let next = self.links.len() as u32;
        let id = *self.link_ids.entry(link).or_insert(next);
        if id == next {
            self.links.push(link);
        }
        id
    }

    fn push(&mut self, mut entry: Entry) {
        if (self.next - self.first) as usize >= self.bounds.answers.max(BLOCK) {
            self.forget_block();
        }
        if self.next == NONE {
            self.rebuild();
        }
        if self.log.back().is_none_or(|block| block.len() >= BLOCK) {
            self.log.push_back(Vec::with_capacity(BLOCK));
        }
        let number = self.next;
        let (hash, log, first) = (self.index.hash(entry.address), &self.log, self.first);
        let is = |n: u32| {
            let at = n.checked_sub(first).map(|at| at as usize);
            let entry_of = |at: usize| log.get(at / BLOCK)?.get(at % BLOCK);
            at.and_then(entry_of).is_some_and(|e| e.address == entry.address)
        };
        if let Some(newest) = self.index.put(hash, number, is) {
            self.take_over(newest, &mut entry);
        }
        if let Some(block) = self.log.back_mut() {
            block.push(entry);
        }
        self.next += 1;
    }

    /// Puts a new entry at the head of its address: before the client's own last answer, which leaves the list of
    /// clients, and before everybody else's.
    fn take_over(&mut self, newest: u32, entry: &mut Entry) {
        let (mut before, mut at) = (None, newest);
        for _ in 0..CLIENTS_PER_ADDRESS {
            let Some(&Entry { client, other, .. }) = self.entry(at) else { break };
            if client == entry.client {
                entry.older = at;
                if let Some(before) = before.and_then(|before| self.entry_mut(before)) {
                    before.other = other;
                    break;
                }
                entry.other = other;
                return;
            }
            (before, at) = (Some(at), other);
        }
        entry.other = newest;
    }

    /// Lets the oldest block go.
    fn forget_block(&mut self) {
        let Some(block) = self.log.pop_front() else { return };
        for (number, entry) in (self.first..).zip(&block) {
            // Newer entries have taken the place of most of these in the index.
            self.index.remove(self.index.hash(entry.address), number);
        }
        self.first += block.len() as u32;
        self.evicted += block.len() as u64;
    }

    /// Whether names, links or clients have reached one `part`-th of their bound.
    fn is_full(&self, part: usize) -> bool {
        self.names.len().max(self.links.len()).max(self.clients.len()) >= self.bounds.names / part
            || self.names.bytes() >= self.bounds.name_bytes / part
    }

    /// Drops the names that no answer uses any more; if that does not help, the older answers and their names too.
    fn make_room(&mut self) {
        self.rebuild();
        while self.is_full(2) && !self.log.is_empty() {
            for _ in 0..self.log.len().div_ceil(2) {
                self.forget_block();
            }
            self.rebuild();
        }
    }

    /// Puts the answers that are left into a book of their own, with only the names and clients they use, numbered
    /// from 0.
    fn rebuild(&mut self) {
        let mut fresh = Self::new(self.bounds);
        (fresh.evicted, fresh.refused) = (self.evicted, self.refused);
        let mut clients = vec![[0; 16]; self.clients.len()];
        for (address, id) in &self.clients {
            if let Some(client) = clients.get_mut(*id as usize) {
                *client = *address;
            }
        }
        for entry in self.log.iter().flatten() {
            let Some(name) = fresh.names.intern(self.names.resolve(entry.name)) else { continue };
            let Some(client) = clients.get(entry.client as usize).map(|&address| fresh.client(address)) else {
                continue;
            };
            let mut chain = NONE;
            for text in self.chain(entry.chain) {
                let Some(name) = fresh.names.intern(text) else { break };
                chain = fresh.link(Link { before: chain, name });
            }
            fresh.push(Entry { client, name, chain, older: NONE, other: NONE, ..*entry });
        }
        *self = fresh;
    }
}

/// One form for both families, so that an IPv4-mapped address is the IPv4 address.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[cfg(test)]
mod tests;
