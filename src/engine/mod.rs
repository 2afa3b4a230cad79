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
mod filing;
pub mod health;
mod input;
mod interfaces;
mod issuers;
mod ledger;
mod limits;
mod losses;
mod names;
mod notes;
mod owners;
mod recipients;
mod rows;
mod snapshot;
mod summary;
mod timeline;
mod trips;
pub mod view;

pub use client::{Device, is_judged};
pub use event::Event;
pub use input::Input;
pub use limits::{LedgerLimits, Limits};
pub use recipients::Knowledge;
pub use snapshot::{FlowRow, HandshakeRow, Snapshot};
pub use summary::judge;
pub use timeline::{Cell, TimelineLimits};

use crate::attribution::{NameBasis, NameBook, NameId, Owner};
use crate::decode::{Decoded, Decoder};
use crate::dissect::fact::{Choice, MediaKind, Offer, assume};
use crate::dissect::{Fact, Facts};
use crate::flow::{Flow, FlowId, FlowTable, Kept};
use crate::policy::{Circumstances, Silence};
use crate::wire::{Day, End, Fragment, Frame, FrameNo, Pair, Side, Text, Timestamp, TransportKind, canonical};
use agreements::Agreements;
use blind::BlindSpots;
use client::Vantage;
use hashbrown::HashMap;
use interfaces::Interfaces;
use issuers::Issuers;
use ledger::Ledger;
use losses::Losses;
use names::{Chains, Names};
use notes::{Notes, Tokens};
use owners::Owners;
use rows::row_number;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use timeline::{SeriesKey, Share, Timeline};
use trips::Trips;
use view::{AnswerView, FactView, FlowView, HandshakeView, Incident, Marker};

/// Packet time between two looks for flows that have fallen silent.
const SWEEP_EVERY: u64 = 60_000_000_000;
/// Competing names kept in all.
const MAX_CONTESTED: usize = 1 << 18;
/// Addresses of participants kept: a large meeting has hundreds.
const MAX_PEERS: usize = 1 << 12;
/// Ends kept for which session descriptions announce media.
const MAX_ANNOUNCED: usize = 1 << 12;
/// Flows without a name that wait for an answer of DNS which comes a little late, and how long, in nanoseconds.
const MAX_NEWCOMERS: usize = 64;
const LATE: u64 = 2_000_000_000;
/// Frame numbers kept as evidence of one thing that concerns the whole capture.
const MAX_EVIDENCE: usize = 16;

/// A flow without a name, beside the bits of the addresses by which an answer finds it.
#[derive(Debug, Clone, Copy)]
struct Newcomer {
    opened: Timestamp,
    flow: FlowId,
    ends: Pair<u128>,
}

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
    /// Beside the table's flows.
    notes: Kept<Notes>,
    /// What could not be seen of flows that are not kept any more.
    blind: BlindSpots,
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
    newcomers: VecDeque<Newcomer>,
    chains: Chains,
    ledger: Ledger,
    trips: Trips,
    issuers: Issuers,
    vantage: Vantage,
    losses: Losses,
    interfaces: Interfaces,
    markers: Vec<Marker>,
    reverse: BTreeMap<IpAddr, Text>,
    queue: VecDeque<Queued>,
    /// The front of the queue was lent out by [`Engine::poll`].
    lent: bool,
    facts: Facts,
    limits: Limits,
    now: Timestamp,
    /// The frame before.
    previous: (FrameNo, Timestamp),
    swept: Timestamp,
    circumstances: Circumstances,
    /// What is missing of frames was left out to keep little content; they were captured whole.
    whole: bool,
    /// Realms of relays, each with its first frame.
    realms: Vec<(Text, FrameNo)>,
    /// Addresses that clients asked relays to exchange packets with: participants.
    peers: BTreeSet<IpAddr>,
    /// What session descriptions in the clear announce for an end; nothing once they contradict each other.
    announced: HashMap<End, Option<MediaKind>>,
    dns_answers: u64,
}

impl Engine {
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            decoder: Decoder::new(),
            table: FlowTable::new(config.limits.flows),
            notes: Kept::default(),
            blind: BlindSpots::default(),
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
            issuers: Issuers::default(),
            vantage: Vantage { device: config.device, watched_only: config.watched_only, locals: Vec::new() },
            losses: Losses::default(),
            interfaces: Interfaces::default(),
            markers: Vec::new(),
            reverse: BTreeMap::new(),
            queue: VecDeque::new(),
            lent: false,
            facts: Facts::default(),
            limits: config.limits,
            now: Timestamp::ZERO,
            previous: (FrameNo(0), Timestamp::ZERO),
            swept: Timestamp::ZERO,
            circumstances: Circumstances::default(),
            whole: false,
            realms: Vec::new(),
            peers: BTreeSet::new(),
            announced: HashMap::default(),
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
            Input::Minimised { kept, whole } => {
                self.circumstances.payload_kept = Some(kept);
                self.whole = whole;
            }
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
        if std::mem::replace(&mut self.lent, true) {
            self.queue.pop_front();
        }
        let Some(front) = self.queue.front() else {
            self.lent = false;
            return None;
        };
        Some(match front {
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
        if let Some(notes) = flow.or(self.latest).and_then(|id| self.notes.get_mut(id)) {
            notes.owner = self.owners.intern(owner, watched).or(notes.owner);
        }
    }

    /// Flows that had traffic since then and of which no program is known: each with its first frame and its ends as that has
    /// them.
    pub fn ownerless(&self, since: Timestamp) -> impl Iterator<Item = (FlowId, FrameNo, TransportKind, End, End)> {
        let wanted = self.flows().filter(move |(_, flow, notes)| notes.owner.is_none() && flow.last >= since);
        wanted.map(|(id, flow, _)| (id, flow.first_frame, flow.transport, flow.ends.first, flow.ends.second))
    }

    /// All flows that are kept, with what is noted of them, in order.
    fn flows(&self) -> impl Iterator<Item = (FlowId, &Flow, &Notes)> {
        self.table.iter().zip(self.notes.iter()).map(|((id, flow), (_, notes))| (id, flow, notes))
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
        if let (Some(mut up), Some(mut down)) = (flow.fresh_media(client), flow.fresh_media(client.other())) {
            if let Some(kind) = self.announced(flow) {
                assume(&mut up, kind);
                assume(&mut down, kind);
            }
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
            if let Some(notes) = self.notes.get(id) {
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
        if frame.is_cut() && !self.whole {
            seen.cut += 1;
            seen.snap_length = seen.snap_length.max(frame.bytes.len() as u32);
        }
        self.pass(frame.time);
        match self.decoder.decode(frame) {
            Decoded::Packet(packet) if self.interfaces.is_echo(&packet, frame) => self.losses.echo(frame),
            Decoded::Packet(packet) => {
                if let Some(fault) = packet.fault {
                    self.losses.fault(fault, frame, true);
                }
                if let Fragment::First { earlier_frames: frames @ 1.., earlier_bytes, .. } = packet.fragment {
                    self.losses.joined(frames, earlier_bytes);
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
                self.losses.fault(fault, frame, false);
            }
        }
    }

    /// The input is over: reads what lies behind holes that nothing will fill. Poll once more, then ask for the summary.
    pub fn end(&mut self) {
        let mut told = Vec::new();
        self.table.end(|id, facts| told.push((id, facts)));
        self.late_facts(told);
        self.close_window();
    }
}
