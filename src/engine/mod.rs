//! Floor 6: puts the floors together. Inputs in, events out, a summary at the end; no clock, no files, no threads.
//!
//! ```text
//! while let Some(frame) = source.next() { engine.ingest(Input::Frame(frame)); while let Some(event) = engine.poll() { … } }
//! engine.finish(&knowledge, &mut rows)
//! ```

mod agreements;
mod blind;
mod client;
mod event;
pub mod health;
mod input;
mod interfaces;
mod ledger;
mod limits;
mod losses;
mod names;
mod notes;
mod owners;
mod recipients;
mod snapshot;
mod summary;
mod timeline;
mod trips;
pub mod view;

pub use client::Device;
pub use event::Event;
pub use input::Input;
pub use limits::{LedgerLimits, Limits};
pub use recipients::Knowledge;
pub use snapshot::{FlowRow, HandshakeRow, Snapshot};
pub use summary::judge;
pub use timeline::{Cell, TimelineLimits};

use crate::attribution::{NameBasis, NameBook, NameId, Owner};
use crate::decode::{Decoded, Decoder};
use crate::dissect::fact::{Choice, Ech, HelloTransport, Hidden, MediaKind, MediaSeen, Offer};
use crate::dissect::{Fact, Facts, resolvers};
use crate::flow::{Flow, FlowId, FlowTable, Sent};
use crate::policy::{Circumstances, Silence};
use crate::wire::{
    Day, End, Frame, FrameNo, Pair, RoundTrip, Side, Text, TextRef, Timestamp, TransportKind, TripKind, canonical,
};
use agreements::Agreements;
use client::Vantage;
use hashbrown::HashMap;
use interfaces::Interfaces;
use ledger::{Entry, Ledger};
use losses::Losses;
use names::Names;
use notes::{Looked, Notes, Tokens};
use owners::{OwnerSet, Owners};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use timeline::{SeriesKey, Share, Timeline};
use trips::Trips;
use view::{AnswerView, ClientBasis, FactView, FlowView, HandshakeView, Incident, Marker, Tally};

/// Packet time between two looks for flows that have fallen silent.
const SWEEP_EVERY: u64 = 60_000_000_000;
/// Competing names kept in all.
const MAX_CONTESTED: usize = 1 << 18;
/// Addresses of participants kept: a large meeting has hundreds.
const MAX_PEERS: usize = 1 << 12;
/// Flows without a name that wait for an answer of DNS which comes a little late, and how long, in nanoseconds.
const MAX_NEWCOMERS: usize = 64;
const LATE: u64 = 2_000_000_000;
/// Frame numbers kept as evidence of one thing that concerns the whole capture.
const MAX_EVIDENCE: usize = 16;

/// By our own numbers, which nobody outside chooses.
type Chains = FxHashMap<NameId, Vec<NameId>>;

/// How the engine is set up.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The audited device, if the user named it.
    pub device: Option<Device>,
    /// Somebody can tell whose flows are whose: every new flow is told as [`Event::FlowOpened`].
    pub ask_owners: bool,
    /// Only flows of watched programs are judged (see [`Input::Owner`]).
    pub watched_only: bool,
    /// First days on which some law or list is another ([`crate::policy::Book::turning_days`]), sorted: flows that began
    /// before and after are judged apart.
    pub turning_days: Vec<Day>,
    pub limits: Limits,
}

/// A ClientHello, waiting for its answer.
#[derive(Debug, Clone, Copy)]
struct Handshake {
    frame: FrameNo,
    time: Timestamp,
    flow: FlowId,
    /// The client's side, and both ends as they were: the flow may be gone when the row is written.
    client: End,
    server: End,
    sni: Option<NameId>,
    /// Position in the list of distinct offers.
    offer: u32,
    choice: Option<Choice>,
    /// Since when its answer has been awaited: the first of several hellos without one.
    since: (FrameNo, Timestamp),
    answered: bool,
}

/// Something that waits to be polled.
#[derive(Debug)]
enum Queued {
    Fact { frame: FrameNo, time: Timestamp, flow: FlowId, from: End, to: End, fact: Fact },
    Opened(FlowId, TransportKind, End, End),
    Flow(FlowId, Box<(Flow, Notes)>),
    Handshake(Handshake),
}

/// Takes the rows of the summary, one by one.
pub trait Rows {
    fn flow(&mut self, row: &FlowView<'_>);
    fn handshake(&mut self, row: &HandshakeView<'_>);
    fn endpoint(&mut self, row: &view::EndpointView<'_>);
}

/// For whoever wants the summary only.
#[derive(Debug)]
pub struct NoRows;

impl Rows for NoRows {
    fn flow(&mut self, _: &FlowView<'_>) {}
    fn handshake(&mut self, _: &HandshakeView<'_>) {}
    fn endpoint(&mut self, _: &view::EndpointView<'_>) {}
}

/// The core: from frames to judged recipients.
#[derive(Debug)]
pub struct Engine {
    decoder: Decoder,
    table: FlowTable,
    /// Beside the table's flows, same order.
    notes: VecDeque<Notes>,
    names: Names,
    book: NameBook,
    tokens: Tokens,
    owners: Owners,
    timeline: Timeline,
    ask_owners: bool,
    /// The flow of the frame before.
    latest: Option<FlowId>,
    offers: Vec<Arc<Offer>>,
    offers_not_kept: u64,
    offer_index: HashMap<Arc<Offer>, u32>,
    agreements: Agreements,
    handshakes: VecDeque<Handshake>,
    handshakes_retired: u32,
    contested: Vec<(FlowId, NameId, NameBasis)>,
    /// The latest flows to whose address no name was known, oldest first.
    newcomers: VecDeque<(Timestamp, FlowId)>,
    /// Name → the aliases through which DNS led from it to an address, latest answer.
    chains: Chains,
    ledger: Ledger,
    trips: Trips,
    vantage: Vantage,
    losses: Losses,
    interfaces: Interfaces,
    markers: Vec<Marker>,
    reverse: BTreeMap<IpAddr, Text>,
    queue: VecDeque<Queued>,
    /// What [`Engine::poll`] lends out.
    current: Option<Queued>,
    facts: Facts,
    limits: Limits,
    now: Timestamp,
    /// The frame before.
    previous: (FrameNo, Timestamp),
    swept: Timestamp,
    circumstances: Circumstances,
    /// Realms of relays, each with its first frame.
    realms: Vec<(Text, FrameNo)>,
    /// Addresses that clients asked relays to exchange packets with: participants.
    peers: BTreeSet<IpAddr>,
    dns_answers: u64,
}

impl Engine {
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            decoder: Decoder::new(),
            table: FlowTable::new(config.limits.flows),
            notes: VecDeque::new(),
            names: Names::new(config.limits.ledger.name_bytes),
            book: NameBook::default(),
            tokens: Tokens::default(),
            owners: Owners::default(),
            timeline: Timeline::new(config.limits.timeline),
            ask_owners: config.ask_owners,
            latest: None,
            offers: Vec::new(),
            offers_not_kept: 0,
            offer_index: HashMap::new(),
            agreements: Agreements::default(),
            handshakes: VecDeque::new(),
            handshakes_retired: 0,
            contested: Vec::new(),
            newcomers: VecDeque::new(),
            chains: Chains::default(),
            ledger: Ledger::new(config.limits.ledger, &config.turning_days),
            trips: Trips::default(),
            vantage: Vantage { device: config.device, watched_only: config.watched_only, locals: Vec::new() },
            losses: Losses::default(),
            interfaces: Interfaces::default(),
            markers: Vec::new(),
            reverse: BTreeMap::new(),
            queue: VecDeque::new(),
            current: None,
            facts: Facts::default(),
            limits: config.limits,
            now: Timestamp::ZERO,
            previous: (FrameNo(0), Timestamp::ZERO),
            swept: Timestamp::ZERO,
            circumstances: Circumstances::default(),
            realms: Vec::new(),
            peers: BTreeSet::new(),
            dns_answers: 0,
        }
    }

    /// Takes one input. Never fails; what cannot be read is counted.
    pub fn ingest(&mut self, input: Input<'_>) {
        match input {
            Input::Frame(frame) => self.frame(&frame),
            Input::Through(interface) => self.interfaces.through(interface),
            Input::Tick(now) => self.pass(now),
            Input::Local(address) => {
                if !self.vantage.locals.contains(&address) && self.vantage.locals.len() < MAX_EVIDENCE {
                    self.vantage.locals.push(address);
                }
            }
            Input::Loss(loss) => {
                self.circumstances.lost += loss.frames;
                self.losses.add(loss);
            }
            Input::Incident(incident) => {
                let seen = &mut self.circumstances.incidents;
                match incident {
                    Incident::ClockSet { nanos } => {
                        seen.clock_set = seen.clock_set.saturating_add(1);
                        seen.largest_step = seen.largest_step.max(nanos.unsigned_abs());
                    }
                    Incident::Slept { nanos } => seen.slept = seen.slept.saturating_add(nanos),
                    Incident::WayNotCaptured => seen.ways_not_captured = seen.ways_not_captured.saturating_add(1),
                    Incident::InterfaceGone => seen.interfaces_gone = seen.interfaces_gone.saturating_add(1),
                }
            }
            Input::OutsideScope(left) => {
                // They were captured: there was no silence.
                self.previous.1 = self.previous.1.max(left.until);
                self.circumstances.outside_scope += left.frames;
                self.losses.add(left);
            }
            Input::CopyOf(digest) => self.circumstances.copy_of = Some(digest),
            Input::Truncated => self.circumstances.truncated_file = true,
            Input::Scope { device, watched_only } => {
                (self.vantage.device, self.vantage.watched_only) = (device, watched_only);
            }
            Input::WatchedOnly(only) => self.vantage.watched_only = only,
            Input::Program { owner, watched } => self.owners.judge(&owner, watched),
            Input::Minimised(bytes) => self.circumstances.payload_kept = Some(bytes),
            Input::Mark(marker) => {
                if self.markers.len() < self.limits.ledger.markers {
                    self.markers.push(marker);
                }
            }
            Input::Owner { flow, owner, watched } => self.owner(flow, owner, watched),
            Input::Reverse { address, name } => {
                let address = canonical(address);
                if self.reverse.len() < self.limits.ledger.reverse_names || self.reverse.contains_key(&address) {
                    self.reverse.insert(address, name);
                }
            }
        }
    }

    /// The flow of the frame that was taken last, as tables number it; none if it belongs to no conversation.
    #[must_use]
    pub fn flow_of_frame(&self) -> Option<u64> {
        self.latest.map(row_number)
    }

    /// The next thing to write down, until there is none.
    pub fn poll(&mut self) -> Option<Event<'_>> {
        // Asked after every frame, and mostly for nothing.
        if self.queue.is_empty() {
            return None;
        }
        self.current = self.queue.pop_front();
        Some(match self.current.as_ref()? {
            Queued::Opened(flow, transport, from, to) => {
                Event::FlowOpened { flow: *flow, transport: *transport, from: *from, to: *to }
            }
            Queued::Fact { frame, time, from, to, fact: Fact::Resolved(answer), .. } => Event::Answer(AnswerView {
                frame: *frame,
                time: *time,
                client: to.address,
                resolver: from.address,
                answer,
            }),
            Queued::Fact { frame, time, flow, from, to, fact } => Event::Fact(FactView {
                frame: *frame,
                time: *time,
                flow: row_number(*flow),
                from: *from,
                to: *to,
                fact,
            }),
            Queued::Flow(id, retired) => {
                let (flow, notes) = &**retired;
                Event::FlowRetired(self.flow_view(*id, flow, notes, self.vantage.client(flow, notes)))
            }
            Queued::Handshake(handshake) => Event::HandshakeRetired(self.handshake_view(handshake)?),
        })
    }

    fn owner(&mut self, flow: Option<FlowId>, owner: Owner, watched: bool) {
        let at = flow.or(self.latest).and_then(|id| self.position(id));
        if let Some(notes) = at.and_then(|at| self.notes.get_mut(at)) {
            notes.owner = self.owners.intern(owner, watched).or(notes.owner);
        }
    }

    /// Flows that had traffic since then and of which no program is known: each with its first frame and its ends as that has
    /// them.
    pub fn ownerless(&self, since: Timestamp) -> impl Iterator<Item = (FlowId, FrameNo, TransportKind, End, End)> {
        let flows = self.table.iter().zip(&self.notes);
        let wanted = flows.filter(move |((_, flow), notes)| notes.owner.is_none() && flow.last >= since);
        wanted.map(|((id, flow), _)| (id, flow.first_frame, flow.transport, flow.ends.first, flow.ends.second))
    }

    /// Where the notes of a flow stand, if it is still kept.
    fn position(&self, id: FlowId) -> Option<usize> {
        let retired = self.table.opened() - self.notes.len() as u64;
        u64::from(id.0).checked_sub(retired).map(|at| at as usize)
    }

    fn series_key(&self, flow: &Flow, notes: &Notes) -> (SeriesKey, Side) {
        let (client, _) = self.vantage.client(flow, notes);
        let key = SeriesKey {
            address: flow.ends[client.other()].address,
            name: notes.name(client).map(|(name, _)| name),
            share: if self.tokens.is_media(notes.spoken) { Share::Media } else { Share::Other },
            judged: self.judges(flow, notes),
        };
        (key, client)
    }

    fn judges(&self, flow: &Flow, notes: &Notes) -> bool {
        self.vantage.judges(flow, notes.owner.map(|id| self.owners.watched(id)))
    }

    /// Books what a flow sent in the window that runs.
    fn book_time(&self, timeline: &mut Timeline, flow: &Flow, notes: &Notes, sent: Pair<u64>) {
        let (key, client) = self.series_key(flow, notes);
        timeline.book(key, sent[client], sent[client.other()]);
        if let (Some(up), Some(down)) = (flow.fresh_media(client), flow.fresh_media(client.other())) {
            for ((kind, up), down) in
                MediaKind::ALL.into_iter().zip(up).zip(down).filter(|((_, up), down)| up + down > 0)
            {
                timeline.book(SeriesKey { share: Share::Kind(kind), ..key }, up, down);
            }
        }
    }

    /// Ends the window of time that runs.
    fn close_window(&mut self) {
        let mut timeline = std::mem::replace(&mut self.timeline, Timeline::new(TimelineLimits::default()));
        for (id, flow, sent) in self.table.active() {
            if let Some(notes) = self.position(id).and_then(|at| self.notes.get(at)) {
                self.book_time(&mut timeline, flow, notes, sent);
            }
        }
        timeline.turn(self.now);
        self.table.clear_active();
        self.timeline = timeline;
    }

    fn pass(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.timeline.is_over(self.now) {
            self.close_window();
        }
        if self.now.since(self.swept) > SWEEP_EVERY {
            self.swept = self.now;
            let mut told = Vec::new();
            self.table.sweep(self.now, |id, facts| told.push((id, facts)));
            self.late_facts(told);
        }
    }

    /// Facts read behind holes that were given up: they stand at the first frame of their flow.
    fn late_facts(&mut self, told: Vec<(FlowId, Facts)>) {
        for (id, facts) in told {
            let Some(frame) = self.table.get(id).map(|f| f.first_frame) else { continue };
            self.facts = facts;
            self.note_facts(id, frame, self.now);
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let seen = &mut self.circumstances;
        if seen.frames == 0 {
            (seen.first, seen.first_frame) = (frame.time, frame.number);
        }
        seen.frames += 1;
        seen.first = seen.first.min(frame.time);
        // Against the frame before, not the latest time so far: one frame stamped in the future is one jump back.
        let back = self.interfaces.runs_back(frame, self.previous.1);
        if seen.frames > 1 {
            seen.time_reversals += u64::from(back);
            let (before, from) = self.previous;
            let nanos = frame.time.since(from);
            if seen.silence.is_none_or(|s| nanos > s.nanos) {
                seen.silence = Some(Silence { nanos, from, until: frame.time, before, after: frame.number });
            }
        }
        self.previous = (frame.number, frame.time);
        self.latest = None;
        if frame.is_cut() {
            seen.cut += 1;
            seen.snap_length = seen.snap_length.max(frame.bytes.len() as u32);
        }
        self.pass(frame.time);
        match self.decoder.decode(frame) {
            Decoded::Packet(packet) if self.interfaces.is_echo(&packet, frame) => self.losses.echo(frame),
            Decoded::Packet(packet) => {
                if let Some(fault) = packet.fault {
                    self.losses.fault(fault, frame);
                }
                let macs = packet.macs;
                let (id, side, opened) = self.table.accept(&packet, frame, &mut self.facts);
                self.latest = Some(id);
                if opened {
                    self.opened(id, macs, frame);
                } else if let (Some(Device::Mac(mac)), Some(macs)) = (self.vantage.device, macs) {
                    self.table.note_device(id, side, macs, mac);
                }
                if !self.facts.0.is_empty() {
                    self.note_facts(id, frame.number, frame.time);
                }
            }
            Decoded::Other(other) => self.losses.other(other, frame),
            Decoded::Fault(fault) => {
                self.circumstances.unreadable += 1;
                self.losses.fault(fault, frame);
            }
        }
    }

    /// A flow has begun: what had its client looked up before?
    fn opened(&mut self, id: FlowId, macs: Option<([u8; 6], [u8; 6])>, frame: &Frame<'_>) {
        let mut notes = Notes::default();
        if let (Some(Device::Mac(mac)), Some(macs)) = (self.vantage.device, macs) {
            self.table.note_device(id, Side::First, macs, mac);
        }
        if let Some(flow) = self.table.get(id) {
            for asker in Side::BOTH {
                let (client, server) = (flow.ends[asker].address, flow.ends[asker.other()].address);
                for found in self.book.name_for(client, server, frame.time) {
                    let Some(name) = self.names.intern(found.name, [None; 2]) else { break };
                    if !found.chain.is_empty() {
                        let chain = found
                            .chain
                            .iter()
                            .skip(1)
                            .filter_map(|alias| self.names.intern(alias, [None; 2]))
                            .collect();
                        self.chains.insert(name, chain);
                    }
                    if notes.looked.is_none() {
                        let (age_secs, frame, after) = (found.age_secs, found.frame, false);
                        notes.looked = Some(Looked { name, age_secs, frame, asker, after });
                    } else if self.contested.len() < MAX_CONTESTED {
                        notes.contested = true;
                        let basis = NameBasis::DnsAnswer { age_secs: found.age_secs, frame: found.frame };
                        self.contested.push((id, name, basis));
                    }
                }
            }
        }
        if notes.looked.is_none() {
            while self.newcomers.len() >= MAX_NEWCOMERS {
                self.newcomers.pop_front();
            }
            self.newcomers.push_back((frame.time, id));
        }
        self.notes.push_back(notes);
        if self.ask_owners
            && let Some(flow) = self.table.get(id)
        {
            self.queue.push_back(Queued::Opened(id, flow.transport, flow.ends.first, flow.ends.second));
        }
        while let Some((id, flow, sent)) = self.table.retire() {
            let Some(notes) = self.notes.pop_front() else { break };
            let mut timeline = std::mem::replace(&mut self.timeline, Timeline::new(TimelineLimits::default()));
            self.book_time(&mut timeline, &flow, &notes, sent);
            self.timeline = timeline;
            self.ledger.fold(&self.entry(&flow, &notes, self.vantage.client(&flow, &notes).0));
            self.queue.push_back(Queued::Flow(id, Box::new((flow, notes))));
        }
    }

    /// A client got an answer: flows to it that had just begun without a name get this one.
    fn name_newcomers(&mut self, client: IpAddr, addresses: &[IpAddr], now: Timestamp) {
        self.newcomers.retain(|(opened, _)| now.since(*opened) <= LATE);
        for at in 0..self.newcomers.len() {
            let Some(id) = self.newcomers.get(at).map(|(_, id)| *id) else { return };
            let Some(flow) = self.table.get(id) else { continue };
            let to = |asker: &Side| {
                flow.ends[*asker].address == client && addresses.contains(&flow.ends[asker.other()].address)
            };
            let Some(asker) = Side::BOTH.into_iter().find(to) else { continue };
            let found = self.book.name_for(client, flow.ends[asker.other()].address, now);
            let Some(found) = found.first() else { continue };
            let Some(name) = self.names.intern(found.name, [None; 2]) else { return };
            if !found.chain.is_empty() {
                let chain =
                    found.chain.iter().skip(1).filter_map(|alias| self.names.intern(alias, [None; 2])).collect();
                self.chains.insert(name, chain);
            }
            let frame = found.frame;
            if let Some(notes) = self.position(id).and_then(|at| self.notes.get_mut(at)) {
                notes.looked = notes.looked.or(Some(Looked { name, age_secs: 0, frame, asker, after: true }));
            }
        }
    }

    /// Files what the dissectors said about a flow.
    fn note_facts(&mut self, id: FlowId, frame: FrameNo, time: Timestamp) {
        let mut facts = std::mem::take(&mut self.facts);
        for (side, fact) in facts.0.drain(..) {
            self.note(id, side, fact, frame, time);
        }
        self.facts = facts;
    }

    fn note(&mut self, id: FlowId, side: Side, fact: Fact, frame: FrameNo, time: Timestamp) {
        let Some(flow) = self.table.get(id) else { return };
        let (from, to) = (flow.ends[side], flow.ends[side.other()]);
        let Some(notes) = self.position(id).and_then(|at| self.notes.get_mut(at)) else { return };
        match fact {
            Fact::Speaks(token) => {
                let set = self.tokens.set(token);
                notes.spoken.join(set);
                if token == "teredo" {
                    notes.hidden.add(Hidden::Teredo);
                }
                // A dialect is no protocol of its own.
                if !token.starts_with("stun-") {
                    notes.last_spoken = set;
                }
                return;
            }
            Fact::Clear(token) => {
                notes.clear.join(self.tokens.set(token));
                return;
            }
            Fact::Named { name, how } => {
                notes.client = notes.client.or(Some(side));
                let Some(known) = self.names.intern(name.exact(), notes.names_at_hand()) else { return };
                match notes.said {
                    None => notes.said = Some((known, how)),
                    Some((first, _)) if first != known && self.contested.len() < MAX_CONTESTED => {
                        notes.contested = true;
                        self.contested.push((id, known, NameBasis::Hello(how)));
                    }
                    Some(_) => {}
                }
                // On their own ports the same names speak DNS over TLS or QUIC.
                if !matches!(to.port, 53 | 784 | 853 | 8853) && resolvers::doh_resolver(name.exact()).is_some() {
                    notes.hidden.add(Hidden::Doh);
                }
                if resolvers::proxy(name.exact()).is_some() {
                    notes.hidden.add(Hidden::ProxyHost);
                }
                return;
            }
            Fact::RoundTrip(trip) => {
                self.trips.add(from.address, trip, self.limits.ledger.endpoints);
                return;
            }
            Fact::Answered => {
                let hello = notes.handshake;
                self.answered(hello, from, (frame, time));
                return;
            }
            Fact::Offered(offer) => {
                notes.client = Some(side);
                let awaited = notes.handshake.and_then(|n| n.checked_sub(self.handshakes_retired));
                let awaited = awaited.and_then(|at| self.handshakes.get(at as usize));
                let awaited = awaited.filter(|h| !h.answered && h.client == from).map(|h| h.since);
                if offer.ech != Ech::Absent {
                    notes.outer = true;
                    let seen = &mut self.circumstances;
                    match offer.ech {
                        Ech::Esni => seen.esni_hellos += 1,
                        _ => seen.ech_hellos += 1,
                    }
                    if seen.ech_frames.len() < MAX_EVIDENCE {
                        seen.ech_frames.push(frame);
                    }
                }
                notes.handshake = Some(self.handshakes_retired + self.handshakes.len() as u32);
                let mut offer = *offer;
                let at_hand = notes.names_at_hand();
                let sni = offer.sni.take().and_then(|name| self.names.intern(name.exact(), at_hand));
                let offer = self.offer_number(offer);
                if let Some(notes) = self.position(id).and_then(|at| self.notes.get_mut(at)) {
                    notes.agreement = self.agreements.offered(notes.agreement, offer);
                }
                self.handshakes.push_back(Handshake {
                    frame,
                    time,
                    flow: id,
                    client: from,
                    server: to,
                    sni,
                    offer,
                    choice: None,
                    since: awaited.unwrap_or((frame, time)),
                    answered: false,
                });
                if self.handshakes.len() > self.limits.ledger.handshakes
                    && let Some(oldest) = self.handshakes.pop_front()
                {
                    self.handshakes_retired += 1;
                    self.queue.push_back(Queued::Handshake(oldest));
                }
                return;
            }
            Fact::Chosen(choice) => {
                notes.agreement = self.agreements.chosen(notes.agreement, choice);
                let hello = notes.handshake;
                self.answered(hello, from, (frame, time));
                let at = hello.and_then(|n| n.checked_sub(self.handshakes_retired));
                // The latest word counts: after a retry, and with the group of a ServerKeyExchange.
                if let Some(handshake) = at.and_then(|at| self.handshakes.get_mut(at as usize)) {
                    handshake.choice = Some(choice);
                }
                return;
            }
            Fact::Asked { .. } => {
                notes.client = notes.client.or(Some(side));
                return;
            }
            Fact::Resolved(ref answer) => {
                notes.client = notes.client.or(Some(side.other()));
                self.dns_answers += 1;
                self.book.learn(to.address, answer, time, frame);
                if !self.newcomers.is_empty() && (answer.address.is_some() || !answer.hints.is_empty()) {
                    let addresses: Vec<IpAddr> = answer.address.iter().chain(&answer.hints).copied().collect();
                    self.name_newcomers(to.address, &addresses, time);
                }
            }
            Fact::Certified(ref certificate) => {
                let asked = notes.said.map(|(name, _)| self.names.resolve(name));
                let leaf = agreements::leaf(certificate, time, asked);
                notes.agreement = self.agreements.certified(notes.agreement, leaf);
                if notes.certificate.is_none()
                    && let Some(name) = certificate.names.first()
                {
                    notes.certificate = self.names.intern(name.exact(), [None; 2]);
                }
            }
            Fact::Hidden(hidden) => notes.hidden.add(hidden),
            Fact::Peer(end) if self.peers.len() < MAX_PEERS => {
                self.peers.insert(end.address);
            }
            Fact::Realm(ref realm) => {
                let judged =
                    matches!(self.vantage.scope(flow, notes.owner.map(|id| self.owners.watched(id))), "" | "in");
                if judged && self.realms.len() < MAX_EVIDENCE && !self.realms.iter().any(|(known, _)| known == realm) {
                    self.realms.push((realm.clone(), frame));
                }
            }
            _ => {}
        }
        self.queue.push_back(Queued::Fact { frame, time, flow: id, from, to, fact });
    }

    /// Measures the time from a hello to the first that the other end says to it.
    fn answered(&mut self, hello: Option<u32>, from: End, at: (FrameNo, Timestamp)) {
        let hello = hello.and_then(|n| n.checked_sub(self.handshakes_retired));
        let Some(hello) = hello.and_then(|n| self.handshakes.get_mut(n as usize)) else { return };
        if hello.answered || hello.server != from {
            return;
        }
        hello.answered = true;
        let Some(offer) = self.offers.get(hello.offer as usize) else { return };
        let kind = match offer.transport {
            HelloTransport::Tls => TripKind::TlsHello,
            HelloTransport::Quic => TripKind::QuicHello,
            HelloTransport::Dtls => TripKind::DtlsHello,
        };
        if let Some(trip) = RoundTrip::between(kind, hello.since, at) {
            self.trips.add(from.address, trip, self.limits.ledger.endpoints);
        }
    }

    /// The number of an offer. Clients make few different ones, apart from the name asked for.
    fn offer_number(&mut self, mut offer: Offer) -> u32 {
        if let Some(known) = self.offer_index.get(&offer) {
            return *known;
        }
        if self.offers.len() >= self.limits.ledger.offers {
            self.offers_not_kept += 1;
            offer = Offer::unknown(offer.transport);
            if let Some(known) = self.offer_index.get(&offer) {
                return *known;
            }
        }
        let new = self.offers.len() as u32;
        let offer = Arc::new(offer);
        self.offer_index.insert(Arc::clone(&offer), new);
        self.offers.push(offer);
        new
    }

    /// What the books want of a flow.
    fn entry(&self, flow: &Flow, notes: &Notes, client: Side) -> Entry {
        Entry {
            server: flow.ends[client.other()].address,
            port: flow.ends[client.other()].port,
            name: notes.name(client),
            up: Tally::from(flow.sent[client]),
            down: Tally::from(flow.sent[client.other()]),
            first: flow.first,
            last: flow.last,
            frame: flow.first_frame,
            spoken: notes.spoken,
            clear: notes.clear,
            outer: notes.outer,
            tunnel: flow.tunnel,
            owners: OwnerSet::of(notes.owner),
            hidden: notes.hidden,
            agreement: notes.agreement,
            media: media(flow, client),
            judged: self.judges(flow, notes),
        }
    }

    fn flow_view(
        &self,
        id: FlowId,
        flow: &Flow,
        notes: &Notes,
        (client, client_basis): (Side, ClientBasis),
    ) -> FlowView<'_> {
        let server = client.other();
        let text = |name: NameId| TextRef::new(self.names.resolve(name));
        let best = notes.name(client);
        let mut other_names: Vec<(TextRef<'_>, NameBasis)> = Vec::new();
        for (name, basis) in notes.names(client).skip(1) {
            if best.is_none_or(|(b, _)| b != name) {
                other_names.push((text(name), basis));
            }
        }
        if notes.contested {
            let from = self.contested.partition_point(|(flow, ..)| *flow < id);
            let more = self.contested.get(from..).unwrap_or_default().iter().take_while(|(flow, ..)| *flow == id);
            other_names.extend(more.map(|(_, name, basis)| (text(*name), *basis)));
        }
        let aliases = best.and_then(|(name, _)| self.chains.get(&name)).into_iter().flatten();
        let aliases = aliases.map(|alias| text(*alias)).collect();
        FlowView {
            flow: row_number(id),
            transport: flow.transport,
            client: flow.ends[client],
            server: flow.ends[server],
            client_basis,
            first: flow.first,
            last: flow.last,
            first_frame: flow.first_frame,
            up: Tally::from(flow.sent[client]),
            down: Tally::from(flow.sent[server]),
            tunnel: flow.tunnel,
            application: self.tokens.application(notes.spoken, notes.last_spoken),
            name: best.map(|(name, basis)| (text(name), basis)),
            other_names,
            aliases,
            round_trip: flow.round_trip,
            media: media(flow, client).map(Box::new),
            cut: flow.cut,
            owner: notes.owner.and_then(|id| self.owners.get(id)),
            scope: self.vantage.scope(flow, notes.owner.map(|id| self.owners.watched(id))),
        }
    }

    /// The input is over: reads what lies behind holes that nothing will fill. Poll once more, then ask for the summary.
    pub fn end(&mut self) {
        let mut told = Vec::new();
        self.table.end(|id, facts| told.push((id, facts)));
        self.late_facts(told);
        self.close_window();
    }

    fn handshake_view(&self, handshake: &Handshake) -> Option<HandshakeView<'_>> {
        Some(HandshakeView {
            frame: handshake.frame,
            time: handshake.time,
            flow: row_number(handshake.flow),
            client: handshake.client,
            server: handshake.server,
            sni: handshake.sni.map(|name| TextRef::new(self.names.resolve(name))),
            offer: self.offers.get(handshake.offer as usize)?,
            choice: handshake.choice,
        })
    }
}

/// Media sent by the client and by the server.
fn media(flow: &Flow, client: Side) -> Option<[MediaSeen; 2]> {
    Some([flow.media(client)?, flow.media(client.other())?])
}

/// Flows are numbered from 1 in every table.
fn row_number(id: FlowId) -> u64 {
    u64::from(id.0) + 1
}

impl From<Sent> for Tally {
    fn from(sent: Sent) -> Self {
        Self { packets: sent.packets, bytes: sent.bytes, payload: sent.payload }
    }
}
