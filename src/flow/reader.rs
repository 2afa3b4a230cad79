//! Who listens to a flow: finds the dissector by its opening bytes, feeds it in order, and lets go when it has read enough.

use super::stream::{Outcome, Stream};
use crate::dissect::media::Meter;
use crate::dissect::{Dissector, Facts, Opening, Part, Probe, Protocol, REGISTRY, Step};
use crate::wire::{End, FrameNo, Pair, Side, Timestamp, TransportKind};

/// Datagrams of a flow that are offered to the probes before it counts as unrecognised.
const MAX_ATTEMPTS: u8 = 12;
/// Bytes of a stream that are offered to the probes before it counts as unrecognised.
const MAX_OPENING: usize = 512;

/// Changes of protocol within one connection (CONNECT to a proxy, then STARTTLS, then TLS is two).
const MAX_UPGRADES: u8 = 4;

/// The state of listening.
#[derive(Debug)]
pub(super) enum Reader {
    /// Nobody listens any more: the flow is only counted. What was counted of media stays.
    Settled(Option<Box<Meter>>),
    /// Datagrams; nobody has recognised them yet.
    Unknown {
        attempts: u8,
    },
    /// Datagrams with their dissector. With `control`, only those that cannot be media are of interest.
    Datagrams {
        dissector: Box<dyn Dissector>,
        control: bool,
    },
    Stream(Box<StreamReader>),
}

/// Both directions of a TCP connection and who reads them.
#[derive(Debug, Default)]
pub(super) struct StreamReader {
    pub(super) streams: Pair<Stream>,
    /// When the only SYN so far was sent.
    pub(super) syn_at: Option<(FrameNo, Timestamp)>,
    dissector: Option<Box<dyn Dissector>>,
    /// The dissector has told something: its choice stands.
    confirmed: bool,
    upgrades: u8,
    /// No dissector wanted the opening of this side.
    unwanted: Pair<bool>,
}

/// What is left to do after a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Listen,
    Settle,
}

fn find(transport: TransportKind, opening: &Opening<'_>) -> (Option<&'static Protocol>, bool) {
    let mut maybe = false;
    for protocol in REGISTRY.iter().filter(|p| p.transport == transport) {
        match (protocol.probe)(opening) {
            Probe::Yes => return (Some(protocol), maybe),
            Probe::Maybe => maybe = true,
            Probe::No => {}
        }
    }
    (None, maybe)
}

fn opening<'a>(bytes: &'a [u8], side: Side, ends: &Pair<End>) -> Opening<'a> {
    Opening { bytes, side, from_port: ends[side].port, to_port: ends[side.other()].port }
}

impl Reader {
    pub(super) fn new(transport: TransportKind) -> Self {
        match transport {
            TransportKind::Tcp => Self::Stream(Box::default()),
            TransportKind::Udp => Self::Unknown { attempts: 0 },
        }
    }

    pub(super) fn held(&self) -> usize {
        match self {
            Self::Settled(meter) => meter.as_ref().map_or(0, |meter| meter.held()),
            Self::Unknown { .. } => 0,
            Self::Datagrams { dissector, .. } => dissector.held(),
            Self::Stream(reader) => reader.held(),
        }
    }

    /// What was counted of media.
    pub(super) fn meter(&self) -> Option<&Meter> {
        match self {
            Self::Settled(meter) => meter.as_deref(),
            Self::Unknown { .. } => None,
            Self::Datagrams { dissector, .. } => dissector.meter(),
            Self::Stream(reader) => reader.dissector.as_ref()?.meter(),
        }
    }

    pub(super) fn meter_mut(&mut self) -> Option<&mut Meter> {
        match self {
            Self::Settled(meter) => meter.as_deref_mut(),
            Self::Unknown { .. } => None,
            Self::Datagrams { dissector, .. } => dissector.meter_mut(),
            Self::Stream(reader) => reader.dissector.as_mut()?.meter_mut(),
        }
    }

    /// Lets go of everything but what was counted of media.
    pub(super) fn settle(&mut self) {
        *self = match std::mem::replace(self, Self::Settled(None)) {
            settled @ Self::Settled(_) => settled,
            Self::Unknown { .. } => Self::Settled(None),
            Self::Datagrams { dissector, .. } => Self::Settled(dissector.into_meter()),
            Self::Stream(reader) => Self::Settled(reader.dissector.and_then(Dissector::into_meter)),
        };
    }

    /// One UDP payload. Whether it was more than another packet of media, which is only counted.
    pub(super) fn datagram(
        &mut self,
        side: Side,
        (bytes, len): (&[u8], u32),
        time: Timestamp,
        ends: &Pair<End>,
        out: &mut Facts,
    ) -> bool {
        if let Self::Unknown { attempts } = self {
            let opening = opening(bytes, side, ends);
            if let (Some(protocol), _) = find(TransportKind::Udp, &opening) {
                *self = Self::Datagrams { dissector: (protocol.make)(&opening), control: false };
            } else {
                *attempts += 1;
                if *attempts >= MAX_ATTEMPTS {
                    self.settle();
                }
                return true;
            }
        }
        let Self::Datagrams { dissector, control } = self else { return true };
        dissector.count(side, bytes, len, time);
        // RFC 7983: media begins with 128..=191, TURN channels with 64..=79.
        if *control && bytes.first().is_none_or(|&b| b >= 64) {
            return false;
        }
        match dissector.accept(side, Part::Datagram(bytes), out) {
            Step::More => {}
            Step::Control => *control = true,
            Step::Done | Step::GiveUp(_) | Step::Upgrade { .. } => self.settle(),
        }
        true
    }
}

impl StreamReader {
    pub(super) fn held(&self) -> usize {
        self.streams.iter().map(Stream::held).sum::<usize>() + self.dissector.as_ref().map_or(0, |d| d.held())
    }

    /// One TCP segment.
    pub(super) fn segment(
        &mut self,
        side: Side,
        sequence: u32,
        payload: &[u8],
        (time, ends): (Timestamp, &Pair<End>),
        out: &mut Facts,
    ) -> Verdict {
        if let Some(dissector) = &mut self.dissector {
            dissector.clock(time);
        }
        match self.streams[side].accept(sequence, payload, self.confirmed) {
            Outcome::Nothing => {}
            Outcome::Next(bytes) => {
                if self.feed(side, bytes, ends, out) == Verdict::Settle {
                    return Verdict::Settle;
                }
            }
            Outcome::Rewritten => {
                if self.read_again(side, ends, out) == Verdict::Settle {
                    return Verdict::Settle;
                }
            }
        }
        self.drain(side, ends, out, false)
    }

    /// Hands out early segments that are in order now, and holes that nothing will fill.
    pub(super) fn drain(&mut self, side: Side, ends: &Pair<End>, out: &mut Facts, ended: bool) -> Verdict {
        loop {
            if let Some(bytes) = self.streams[side].next_early() {
                if self.feed(side, &bytes, ends, out) == Verdict::Settle {
                    return Verdict::Settle;
                }
            } else if let Some(hole) = self.streams[side].give_up_hole(ended) {
                if self.part(side, Part::Gap(hole), ends, out) == Verdict::Settle {
                    return Verdict::Settle;
                }
            } else {
                return Verdict::Listen;
            }
        }
    }

    /// The side will send nothing more.
    pub(super) fn end(&mut self, side: Side, ends: &Pair<End>, out: &mut Facts) -> Verdict {
        if self.drain(side, ends, out, true) == Verdict::Settle {
            return Verdict::Settle;
        }
        self.part(side, Part::End, ends, out)
    }

    /// Bytes that are next in order.
    fn feed(&mut self, side: Side, bytes: &[u8], ends: &Pair<End>, out: &mut Facts) -> Verdict {
        if self.dissector.is_none() {
            return self.detect(side, bytes, ends, out);
        }
        let (before, upgrades) = (out.0.len(), self.upgrades);
        let verdict = self.part(side, Part::Bytes(bytes), ends, out);
        if self.upgrades == upgrades {
            self.keep_unconfirmed(side, bytes, out.0.len() > before);
        }
        verdict
    }

    /// Bytes stay at hand until the dissector has told something, in case they must be read again. Not asked after a
    /// change of protocol: the bytes belonged to the old one.
    fn keep_unconfirmed(&mut self, side: Side, bytes: &[u8], told: bool) {
        if told {
            self.confirm();
        } else if !self.confirmed {
            self.streams[side].keep(bytes);
        }
    }

    fn confirm(&mut self) {
        self.confirmed = true;
        self.streams.iter_mut().for_each(Stream::confirm);
    }

    /// Looks for a dissector, with what was kept of this side in front of the new bytes.
    fn detect(&mut self, side: Side, bytes: &[u8], ends: &Pair<End>, out: &mut Facts) -> Verdict {
        if self.unwanted[side] {
            return Verdict::Listen;
        }
        let joined;
        let whole = if self.streams[side].kept().is_empty() {
            bytes
        } else {
            joined = [self.streams[side].kept(), bytes].concat();
            &joined
        };
        let opening = opening(whole, side, ends);
        let (protocol, maybe) = find(TransportKind::Tcp, &opening);
        let Some(protocol) = protocol else {
            self.streams[side].keep(bytes);
            if !maybe && whole.len() >= 8 || whole.len() >= MAX_OPENING {
                self.unwanted[side] = true;
            }
            return if self.unwanted == Pair::new(true, true) { Verdict::Settle } else { Verdict::Listen };
        };
        self.dissector = Some((protocol.make)(&opening));
        let (before, upgrades) = (out.0.len(), self.upgrades);
        // The other side may have spoken first without being recognised: it is read first.
        let earlier = self.streams[side.other()].kept().to_vec();
        if !earlier.is_empty() && self.part(side.other(), Part::Bytes(&earlier), ends, out) == Verdict::Settle {
            return Verdict::Settle;
        }
        let verdict = self.part(side, Part::Bytes(whole), ends, out);
        if self.upgrades == upgrades {
            self.keep_unconfirmed(side, bytes, out.0.len() > before);
        }
        verdict
    }

    /// Bytes handed out earlier were wrong: everything kept is read again from the start.
    fn read_again(&mut self, side: Side, ends: &Pair<End>, out: &mut Facts) -> Verdict {
        self.dissector = None;
        self.unwanted = Pair::default();
        let bytes = self.streams[side].take_kept();
        self.feed(side, &bytes, ends, out)
    }

    fn part(&mut self, side: Side, part: Part<'_>, ends: &Pair<End>, out: &mut Facts) -> Verdict {
        let Some(dissector) = self.dissector.as_mut() else {
            // A hole or an end before anything was recognised: what comes later cannot be an opening.
            if matches!(part, Part::Gap(_)) {
                self.unwanted[side] = true;
            }
            return if self.unwanted == Pair::new(true, true) { Verdict::Settle } else { Verdict::Listen };
        };
        match dissector.accept(side, part, out) {
            Step::More | Step::Control => Verdict::Listen,
            Step::Done | Step::GiveUp(_) => Verdict::Settle,
            Step::Upgrade { rest } => {
                self.upgrades += 1;
                if self.upgrades > MAX_UPGRADES {
                    return Verdict::Settle;
                }
                self.dissector = None;
                self.confirmed = false;
                self.unwanted = Pair::default();
                self.streams.iter_mut().for_each(Stream::confirm);
                let Part::Bytes(bytes) = part else { return Verdict::Listen };
                let rest = bytes.len().checked_sub(rest).and_then(|at| bytes.get(at..)).unwrap_or_default();
                if rest.is_empty() { Verdict::Listen } else { self.detect(side, rest, ends, out) }
            }
        }
    }
}
