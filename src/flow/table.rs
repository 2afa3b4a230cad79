//! All flows: finds the one a packet belongs to, opens, counts, reads and retires. Bounded in flows and in bytes held.

use super::asked::Asked;
use super::entry::{Flow, FlowId};
use super::kept::Kept;
use super::reader::{Reader, Verdict};
use crate::dissect::{Fact, Facts};
use crate::wire::{
    End, FlowKey, Fragment, Frame, FrameNo, Packet, Pair, RoundTrip, Side, TcpFlags, Timestamp, Transport,
    TransportKind, TripKind,
};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::num::NonZeroU64;

/// The bounds of the flow table.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Flows kept at a time. Beyond it the oldest are retired: complete rows, but their 5-tuple is forgotten.
    pub flows: usize,
    /// Of these, flows that are over; beyond it the oldest are retired. Their rows are final.
    pub finished: usize,
    /// Bytes that all readers together may hold for reassembly.
    pub held_bytes: usize,
    /// Silence after which a UDP 5-tuple that speaks again counts as a new flow, in nanoseconds.
    pub udp_idle: u64,
    /// Silence after which nobody listens to a TCP flow any more, in nanoseconds. A closed one is over after twice that.
    pub tcp_quiet: u64,
    /// Silence after which a TCP flow that was not closed is over, in nanoseconds.
    pub tcp_idle: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // About 400 MiB with everything that hangs on a flow.
            flows: 1 << 20,
            // Half a day of one call after the other; 6 MB with everything that hangs on them.
            finished: 1 << 14,
            // A call's hellos are in flight for a second; 64 MiB is a thousand of the largest.
            held_bytes: 64 << 20,
            // Longer than the keep-alive of any media flow (RFC 8445 §11: 15 s) and most NAT bindings (RFC 4787: 2 min).
            udp_idle: 300_000_000_000,
            // The maximum segment lifetime (RFC 9293 §3.4.2): a closed connection is remembered for two.
            tcp_quiet: 120_000_000_000,
            // RFC 5382 REQ-5: no NAT forgets a connection earlier, and keep-alives come every two hours (RFC 9293 §3.8.4).
            tcp_idle: 7_440_000_000_000,
        }
    }
}

/// What the table could not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableLosses {
    /// Flows retired before their time because the table was full.
    pub retired_early: u64,
    /// Flows that were no longer read because too many bytes were held.
    pub unread: u64,
}

/// Slots of the small memory of recent flows: a call has a handful of busy ones, a busy network some thousand. 16 KiB stay
/// in the processor's cache, where the index of all flows does not.
const RECENT: usize = 2048;

/// A flow that goes on for so long, in nanoseconds, is set apart when its turn to be retired comes: those behind it are not
/// kept because of it.
const LONG: u64 = 3_600_000_000_000;
/// How often those set apart are looked at, in nanoseconds.
const LOOK_EVERY: u64 = 60_000_000_000;

/// The flows of a capture.
#[derive(Debug)]
pub struct FlowTable {
    limits: Limits,
    flows: Kept<Flow>,
    /// When those set apart were looked at, and which of them were over then.
    looked: Timestamp,
    over: Vec<FlowId>,
    /// 5-tuple → number of its latest generation, each with its hash, so that growing touches no flow. Seeded per
    /// table: addresses and ports are chosen by others.
    index: HashTable<(u32, u32)>,
    hasher: DefaultHashBuilder,
    /// Ports and number of a flow, so that a look at another one's slot costs no look at that flow.
    recent: Box<[(u32, u32); RECENT]>,
    held: usize,
    /// TCP flows somebody listens to, for letting go of silent ones.
    listening: Vec<FlowId>,
    /// STUN requests that wait for their response.
    asked: Asked,
    /// Flows that sent something since the list was last cleared, with the bytes that each side had sent before.
    active: Vec<(FlowId, Pair<u64>)>,
    losses: TableLosses,
}

impl Default for FlowTable {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl FlowTable {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            flows: Kept::default(),
            looked: Timestamp::ZERO,
            over: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            recent: Box::new([(0, u32::MAX); RECENT]),
            held: 0,
            listening: Vec::new(),
            asked: Asked::default(),
            active: Vec::new(),
            losses: TableLosses::default(),
        }
    }

    #[must_use]
    pub fn losses(&self) -> TableLosses {
        self.losses
    }

    #[must_use]
    pub fn get(&self, id: FlowId) -> Option<&Flow> {
        self.flows.get(id)
    }

    /// All flows that are still kept, in order.
    pub fn iter(&self) -> impl Iterator<Item = (FlowId, &Flow)> {
        self.flows.iter()
    }

    /// Flows ever opened.
    #[must_use]
    pub fn opened(&self) -> u64 {
        u64::from(self.flows.next().0)
    }

    /// The flows that sent something since [`Self::clear_active`], with the bytes that each side sent since.
    pub fn active(&self) -> impl Iterator<Item = (FlowId, &Flow, Pair<u64>)> {
        self.active.iter().filter_map(|&(id, before)| {
            let flow = self.get(id)?;
            Some((id, flow, since(flow, before)))
        })
    }

    pub fn clear_active(&mut self) {
        for (id, _) in self.active.drain(..) {
            if let Some(meter) = self.flows.get_mut(id).and_then(|flow| flow.reader.meter_mut()) {
                meter.mark();
            }
        }
    }

    /// Takes out a flow that is over, if there are too many of them, or the oldest if the table is full; with the bytes that
    /// each side sent since [`Self::clear_active`].
    pub fn retire(&mut self, now: Timestamp) -> Option<(FlowId, Flow, Pair<u64>)> {
        let id = if self.flows.len() < self.limits.flows {
            self.over(now)?
        } else {
            let (id, oldest) = self.flows.iter().next()?;
            self.losses.retired_early += u64::from(!oldest.is_over(now, &self.limits));
            id
        };
        let flow = self.flows.take(id)?;
        self.held -= flow.held as usize;
        let short = self.short_hash(&flow.key());
        if let Ok(entry) = self.index.find_entry(spread(short), |&(n, _)| n == id.0) {
            entry.remove();
        }
        let sent = self.forget_active(id, &flow);
        Some((id, flow, sent))
    }

    /// A flow that is over, if there are more than need be kept: mostly the oldest.
    fn over(&mut self, now: Timestamp) -> Option<FlowId> {
        while self.flows.count_latest() >= self.limits.finished {
            let (id, oldest) = self.flows.front()?;
            if oldest.is_over(now, &self.limits) {
                return Some(id);
            }
            if now.since(oldest.first) < LONG {
                return None;
            }
            self.flows.set_apart()?;
        }
        if now.since(self.looked) > LOOK_EVERY {
            self.looked = now;
            let over = self.flows.older().filter(|(_, flow)| flow.is_over(now, &self.limits));
            self.over = over.map(|(id, _)| id).collect();
        }
        let over = |id: &FlowId| self.flows.get(*id).is_some_and(|flow| flow.is_over(now, &self.limits));
        let at = self.over.iter().position(over)?;
        Some(self.over.remove(at))
    }

    /// Takes a flow from the list of active ones; the last one of the list gets its place.
    fn forget_active(&mut self, id: FlowId, flow: &Flow) -> Pair<u64> {
        let at = flow.active as usize;
        let Some(&(_, before)) = self.active.get(at).filter(|(active, _)| *active == id) else {
            return Pair::default();
        };
        self.active.swap_remove(at);
        if let Some((moved, _)) = self.active.get(at)
            && let Some(moved) = self.flows.get_mut(*moved)
        {
            moved.active = at as u32;
        }
        since(flow, before)
    }

    /// Counts a packet and reads what it brings. What the dissectors say is pushed to `out`. Returns the flow, the side
    /// that sent the packet, and whether the packet opened the flow.
    pub fn accept(&mut self, packet: &Packet<'_>, frame: &Frame<'_>, out: &mut Facts) -> (FlowId, Side, bool) {
        let (id, side, opened) = self.find(packet, frame);
        let Some(flow) = self.flows.get_mut(id) else { return (id, side, opened) };
        flow.last = flow.last.max(frame.time);
        if self.active.get(flow.active as usize).is_none_or(|(active, _)| *active != id) {
            flow.active = self.active.len() as u32;
            self.active.push((id, Pair::new(flow.sent.first.bytes, flow.sent.second.bytes)));
        }
        let sent = &mut flow.sent[side];
        sent.packets += 1;
        sent.bytes += u64::from(frame.original_len);
        sent.payload += u64::from(packet.payload_len);
        if let Fragment::First { earlier_frames, earlier_bytes, earlier_payload } = packet.fragment {
            sent.packets += u64::from(earlier_frames);
            sent.bytes += earlier_bytes;
            sent.payload += earlier_payload;
        }
        flow.cut |= packet.cut;
        if let Transport::Tcp { .. } = packet.transport
            && !flow.timed_enough
        {
            time_data(flow, side, packet, (frame.number, frame.time), out);
        }
        match (&mut flow.reader, packet.transport) {
            (Reader::Settled(_), _) => {
                if let Transport::Tcp { flags, .. } = packet.transport {
                    note_flags(flow, side, flags);
                }
            }
            (Reader::Unknown { .. } | Reader::Datagrams { .. }, _) => {
                if !packet.payload.is_empty() {
                    // A datagram put together from fragments is longer than what this frame brought.
                    let len = packet.payload_len.max(packet.payload.len() as u32);
                    // STUN may come multiplexed, behind a byte that media could have.
                    let read = flow.reader.datagram(side, (packet.payload, len), frame.time, &flow.ends, out);
                    if read || packet.payload.first() == Some(&0xff) {
                        self.asked.datagram((id, side), packet.payload, (frame.number, frame.time), out);
                        self.book(id);
                    }
                }
            }
            (Reader::Stream(_), Transport::Tcp { sequence, acknowledgment, flags }) => {
                read_segment(
                    flow,
                    side,
                    sequence,
                    acknowledgment,
                    flags,
                    packet.payload,
                    (frame.number, frame.time),
                    out,
                );
                self.asked.segment((id, side), packet.payload, (frame.number, frame.time), out);
                self.book(id);
            }
            (Reader::Stream(_), _) => {}
        }
        (id, side, opened)
    }

    /// Notes which side of a flow the audited device is, from the hardware addresses of a frame that `side` sent.
    pub fn note_device(&mut self, id: FlowId, side: Side, (source, destination): ([u8; 6], [u8; 6]), device: [u8; 6]) {
        if let Some(flow) = self.flows.get_mut(id).filter(|f| f.subject.is_none()) {
            flow.subject = if source == device {
                Some(side)
            } else if destination == device {
                Some(side.other())
            } else {
                None
            };
        }
    }

    /// The capture is over: holes will not be filled, so what lies behind them is read. Facts come with their flow.
    pub fn end(&mut self, mut tell: impl FnMut(FlowId, Facts)) {
        for (id, flow) in self.flows.iter_mut() {
            let facts = flow.stop_reading();
            flow.held = 0;
            if !facts.0.is_empty() {
                tell(id, facts);
            }
        }
        self.held = 0;
    }

    /// Keeps the books of held bytes; over the bound, the flow that wanted more is no longer read.
    fn book(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(id) else { return };
        let held = flow.reader.held();
        self.held = self.held - flow.held as usize + held;
        flow.held = held as u32;
        if self.held > self.limits.held_bytes && held > 0 {
            flow.reader.settle();
            let held = held - flow.reader.held();
            self.held -= held;
            flow.held -= held as u32;
            self.losses.unread += 1;
        }
    }

    /// The flow of a packet, its side, and whether it was opened for it.
    fn find(&mut self, packet: &Packet<'_>, frame: &Frame<'_>) -> (FlowId, Side, bool) {
        let (source, destination) = (packet.source, packet.destination);
        let transport = packet.transport.kind();
        let slot = usize::from(source.port ^ destination.port) % RECENT;
        let ports = u32::from(source.port.max(destination.port)) << 16 | u32::from(source.port.min(destination.port));
        let (recent_ports, recent) = self.recent.get(slot).copied().unwrap_or((0, u32::MAX));
        if ports == recent_ports
            && let Some((flow, side)) = self.matching(recent, transport, source, destination)
            && !is_reuse(flow, packet, frame.time, &self.limits)
        {
            return (FlowId(recent), side, false);
        }
        let key = FlowKey::new(transport, source, destination);
        let short = self.short_hash(&key);
        let flows = &self.flows;
        let flow_at = |n: u32| flows.get(FlowId(n));
        let found =
            self.index.find_mut(spread(short), |&(n, h)| h == short && flow_at(n).is_some_and(|f| f.key() == key));
        let FlowId(next) = flows.next();
        let (number, opened) = if let Some((number, _)) = found {
            let reuse = flow_at(*number).is_none_or(|f| is_reuse(f, packet, frame.time, &self.limits));
            if reuse {
                *number = next;
            }
            (*number, reuse)
        } else {
            self.index.insert_unique(spread(short), (next, short), |&(_, h)| spread(h));
            (next, true)
        };
        if opened {
            self.flows.push(open(packet, frame));
            if transport == TransportKind::Tcp {
                self.listening.push(FlowId(number));
            }
        }
        if let Some(entry) = self.recent.get_mut(slot) {
            *entry = (ports, number);
        }
        let side = match self.matching(number, transport, source, destination) {
            Some((_, side)) => side,
            None => Side::First,
        };
        (FlowId(number), side, opened)
    }

    fn short_hash(&self, key: &FlowKey) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    fn matching(&self, number: u32, transport: TransportKind, source: End, destination: End) -> Option<(&Flow, Side)> {
        let flow = self.flows.get(FlowId(number))?;
        if flow.transport != transport {
            return None;
        }
        let Pair { first, second } = flow.ends;
        if first == source && second == destination {
            Some((flow, Side::First))
        } else if first == destination && second == source {
            Some((flow, Side::Second))
        } else {
            None
        }
    }

    /// Lets go of TCP flows that have been silent: what lies behind their holes is read first. Facts come with their flow.
    pub fn sweep(&mut self, now: Timestamp, mut tell: impl FnMut(FlowId, Facts)) {
        let mut listening = std::mem::take(&mut self.listening);
        listening.retain(|&id| {
            let Some(flow) = self.flows.get_mut(id) else { return false };
            if now.since(flow.last) <= self.limits.tcp_quiet {
                return matches!(flow.reader, Reader::Stream(_));
            }
            let facts = flow.stop_reading();
            self.book(id);
            if !facts.0.is_empty() {
                tell(id, facts);
            }
            false
        });
        self.listening = listening;
    }
}

/// The table takes the place from the low bits and a tag from the top ones.
fn spread(short: u32) -> u64 {
    u64::from(short) << 32 | u64::from(short)
}

/// What each side sent on top of `before`.
fn since(flow: &Flow, before: Pair<u64>) -> Pair<u64> {
    Pair::new(flow.sent.first.bytes - before.first, flow.sent.second.bytes - before.second)
}

fn open(packet: &Packet<'_>, frame: &Frame<'_>) -> Flow {
    let transport = packet.transport.kind();
    Flow {
        ends: Pair::new(packet.source, packet.destination),
        sent: Pair::default(),
        first: frame.time,
        last: frame.time,
        first_frame: frame.number,
        round_trip: None,
        reader: Reader::new(transport),
        held: 0,
        active: 0,
        transport,
        tunnel: packet.tunnel,
        tcp: Pair::default(),
        timed: None,
        timed_enough: false,
        subject: None,
        cut: false,
    }
}

/// Whether the packet belongs to a new generation of the 5-tuple.
fn is_reuse(flow: &Flow, packet: &Packet<'_>, now: Timestamp, limits: &Limits) -> bool {
    match packet.transport {
        Transport::Tcp { flags, sequence, .. } => {
            let opening = flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK);
            opening
                && (flow.is_closed()
                    || now.since(flow.last) > limits.tcp_quiet
                    || reopens(flow, packet.source, sequence))
        }
        Transport::Udp => now.since(flow.last) > limits.udp_idle,
        Transport::Continued(_) => false,
    }
}

/// A SYN with a new initial sequence number after data: whoever opened the flow has begun anew without its end being
/// captured. A repeated SYN has the same number, and one that was only late comes from a side that had sent none.
fn reopens(flow: &Flow, source: End, sequence: u32) -> bool {
    let side = if flow.ends.first == source { Side::First } else { Side::Second };
    let opener = flow.tcp[side];
    opener.syn && opener.isn != sequence && flow.sent.iter().any(|s| s.payload > 0)
}

fn note_flags(flow: &mut Flow, side: Side, flags: TcpFlags) {
    let seen = &mut flow.tcp[side];
    seen.reset |= flags.has(TcpFlags::RST);
    seen.fin |= flags.has(TcpFlags::FIN);
}

/// Measures data of whoever opened the connection against its acknowledgments.
fn time_data(flow: &mut Flow, side: Side, packet: &Packet<'_>, at: (FrameNo, Timestamp), out: &mut Facts) {
    let Transport::Tcp { sequence, acknowledgment, flags } = packet.transport else { return };
    if flow.tcp[side].syn {
        if packet.payload_len > 0 && !flags.has(TcpFlags::SYN) {
            // Without timestamps from the start nothing will ever be said: no memory for it.
            let stamps = packet.tcp_timestamps();
            if stamps.is_some() || flow.timed.is_some() {
                flow.timed.get_or_insert_default().data(sequence, packet.payload_len, stamps, at);
            }
        }
    } else if flags.has(TcpFlags::ACK)
        && let Some(timed) = &mut flow.timed
    {
        if let Some(trip) = timed.acknowledged(acknowledgment, packet.tcp_timestamps(), at) {
            out.push(side, Fact::RoundTrip(trip));
        }
        if timed.is_enough() {
            (flow.timed, flow.timed_enough) = (None, true);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the header fields of one segment")]
fn read_segment(
    flow: &mut Flow,
    side: Side,
    sequence: u32,
    acknowledgment: u32,
    flags: TcpFlags,
    payload: &[u8],
    now: (FrameNo, Timestamp),
    out: &mut Facts,
) {
    let Reader::Stream(reader) = &mut flow.reader else { return };
    let mut data_at = sequence;
    if flags.has(TcpFlags::SYN) {
        let answer = flags.has(TcpFlags::ACK);
        if !answer {
            flow.tcp[side].syn = true;
            flow.tcp[side].isn = sequence;
        }
        flow.tcp[side].syn_ack |= answer;
        reader.streams[side].start(sequence);
        data_at = sequence.wrapping_add(1);
        if answer {
            // An answer to another SYN than the one that was seen says nothing of the time it took.
            let ours = flow.tcp[side.other()].isn.wrapping_add(1) == acknowledgment;
            let asked = reader.syn_at.take().filter(|_| ours);
            let trip = asked.and_then(|asked| RoundTrip::between(TripKind::TcpHandshake, asked, now));
            if let Some(trip) = trip {
                flow.round_trip = NonZeroU64::new(trip.nanos);
                out.push(side, Fact::RoundTrip(trip));
            }
        } else {
            // A second SYN makes it unknowable which of them the answer answers.
            reader.syn_at = if flow.sent[side].packets == 1 { Some(now) } else { None };
        }
    }
    if flags.has(TcpFlags::ACK) {
        reader.streams[side.other()].acknowledge(acknowledgment);
    }
    let mut verdict = Verdict::Listen;
    if !payload.is_empty() {
        verdict = reader.segment(side, data_at, payload, (now.1, &flow.ends), out);
    }
    if verdict == Verdict::Listen && flags.has(TcpFlags::RST) {
        for side in Side::BOTH {
            if verdict == Verdict::Listen {
                verdict = reader.end(side, &flow.ends, out);
            }
        }
        verdict = Verdict::Settle;
    }
    note_flags(flow, side, flags);
    // After both have closed, holes may still be filled by late segments; the sweep lets go.
    if verdict == Verdict::Settle {
        flow.reader.settle();
    }
}
