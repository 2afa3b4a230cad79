//! Frames without the audited side's addresses, names and content. A new frame is all zeros; into it goes, header by header,
//! what is known to be needed and to name nobody, and the pseudonym where somebody was named. What nobody thought of is
//! therefore not in it.

mod dns;
mod payload;
mod stream;
mod text;

use super::pseudonym::Pseudonyms;
use crate::decode::{Decoded, Decoder, Header, HeaderKind, OtherKind};
use crate::wire::{AddressKind, Fragment, Frame, Packet, Transport};
pub use dns::question;
use payload::Way;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use stream::Streams;

/// Names that are learned from one capture.
const MAX_NAMES: usize = 1 << 12;
/// Ports on which a network speaks about itself: host names, services, addresses. DHCP, NetBIOS, mail slots, DHCPv6, UPnP,
/// PCP, web services, mDNS, LLMNR.
const LOCAL_PORTS: [u16; 14] = [67, 68, 137, 138, 139, 445, 546, 547, 1900, 3702, 5350, 5351, 5353, 5355];

/// What was done to the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redacted {
    pub frames: u64,
    /// Bytes that the capture had and the copy has not, or has as zeros behind its end.
    pub cut: u64,
    /// Frames of the audited side's own networks of which the headers are left.
    pub local: u64,
    /// Frames that could not be read; nothing is left of them but time and length.
    pub unreadable: u64,
}

/// Makes frames over. All frames of a capture go through [`Self::learn`] first, then through [`Self::redact`], in the same
/// order.
#[derive(Debug)]
pub struct Redactor {
    pseudonyms: Pseudonyms,
    decoder: Decoder,
    headers: Vec<Header>,
    streams: Streams,
    learning: bool,
    out: Vec<u8>,
    done: Redacted,
}

impl Redactor {
    #[must_use]
    pub fn new(pseudonyms: Pseudonyms) -> Self {
        Self {
            pseudonyms,
            decoder: Decoder::new(),
            headers: Vec::new(),
            streams: Streams::default(),
            learning: true,
            out: Vec::new(),
            done: Redacted::default(),
        }
    }

    pub const fn pseudonyms(&mut self) -> &mut Pseudonyms {
        &mut self.pseudonyms
    }

    #[must_use]
    pub const fn done(&self) -> Redacted {
        self.done
    }

    /// Looks at a frame the first time: where in its stream the parts stand that are to stay.
    pub fn learn(&mut self, frame: &Frame<'_>) {
        if let Decoded::Packet(packet) = self.decoder.decode(frame)
            && packet.fragment == Fragment::Whole
            && !stays_at_home(&packet, &self.pseudonyms)
        {
            let way = way(&packet, &self.pseudonyms);
            self.streams.learn(&packet, way, &mut self.pseudonyms);
        }
    }

    /// What stays of a frame, from its first byte on. Its length on the wire is what it was.
    pub fn redact(&mut self, frame: &Frame<'_>) -> &[u8] {
        if std::mem::take(&mut self.learning) {
            // From the beginning, as when it learned.
            self.decoder = Decoder::new();
        }
        let Self { pseudonyms, decoder, headers, streams, out, done, .. } = self;
        out.clear();
        done.frames += 1;
        match decoder.trace(frame, headers) {
            Decoded::Packet(packet) => {
                let mut kept = Vec::new();
                if packet.fragment == Fragment::Whole {
                    if stays_at_home(&packet, pseudonyms) {
                        done.local += 1;
                    } else {
                        kept = match packet.transport {
                            Transport::Udp => {
                                let way = way(&packet, pseudonyms);
                                payload::datagram(packet.payload, way, pseudonyms)
                            }
                            Transport::Tcp { .. } => streams.keep(&packet),
                            Transport::Continued(_) => Vec::new(),
                        };
                        kept.truncate(packet.payload.len());
                    }
                }
                Copy { from: frame.bytes, out, pseudonyms }.headers(headers, 0);
                let whole = packet.fragment == Fragment::Whole
                    && !packet.cut
                    && kept.len() == packet.payload.len()
                    && packet.payload_len as usize == kept.len();
                out.extend(kept);
                checksums(out, headers, whole);
            }
            Decoded::Other(other) => {
                // Type and code of ICMP; what it quotes are others' packets.
                let more = if other.kind == OtherKind::Icmp { 2 } else { 0 };
                Copy { from: frame.bytes, out, pseudonyms }.headers(headers, more);
                if more > 0 {
                    out.extend([0; 6]);
                }
                checksums(out, headers, false);
                done.local += 1;
            }
            Decoded::Fault(_) => done.unreadable += 1,
        }
        out.truncate(frame.bytes.len());
        done.cut += (frame.bytes.len() - out.len()) as u64;
        out
    }
}

/// Conversations within the own networks and with groups say who is there: of them the headers stay. Name resolution by a
/// router is part of the way to others.
fn stays_at_home(packet: &Packet<'_>, pseudonyms: &Pseudonyms) -> bool {
    let (source, destination) = packet.addresses();
    let group = matches!(AddressKind::of(destination), AddressKind::Multicast | AddressKind::Broadcast);
    let ports = [packet.source.port, packet.destination.port];
    let own = pseudonyms.is_own(source) && pseudonyms.is_own(destination);
    group || ports.iter().any(|port| LOCAL_PORTS.contains(port)) || own && !ports.contains(&53)
}

fn way(packet: &Packet<'_>, pseudonyms: &Pseudonyms) -> Way {
    Way { from_own: pseudonyms.is_own(packet.source.address), ports: (packet.source.port, packet.destination.port) }
}

/// Writes headers over into a new frame.
struct Copy<'a> {
    from: &'a [u8],
    out: &'a mut Vec<u8>,
    pseudonyms: &'a mut Pseudonyms,
}

impl Copy<'_> {
    /// All headers, and so many bytes behind the last.
    fn headers(&mut self, headers: &[Header], more: usize) {
        let Some(last) = headers.last() else { return };
        let end = last.at + length(*last, self.from);
        self.out.resize(end.min(self.from.len()), 0);
        for (at, header) in headers.iter().enumerate() {
            self.header(*header, headers.get(at + 1).map_or(end, |next| next.at));
        }
        if more > 0 {
            let behind = self.from.get(end..).unwrap_or_default();
            self.out.extend(behind.iter().take(more));
        }
    }

    fn keep(&mut self, at: usize, len: usize) {
        for (to, from) in self.out.iter_mut().zip(self.from).skip(at).take(len) {
            *to = *from;
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        for (to, from) in self.out.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.from.get(at..at + N)?.first_chunk().copied()
    }

    fn mac(&mut self, at: usize) {
        if let Some(mac) = self.array(at) {
            let other = self.pseudonyms.mac(mac);
            self.put(at, &other);
        }
    }

    fn v4(&mut self, at: usize) {
        if let Some(octets) = self.array::<4>(at) {
            let other = self.pseudonyms.v4(Ipv4Addr::from(octets));
            self.put(at, &other.octets());
        }
    }

    fn v6(&mut self, at: usize) {
        if let Some(octets) = self.array::<16>(at) {
            let other = self.pseudonyms.v6(Ipv6Addr::from(octets));
            self.put(at, &other.octets());
        }
    }

    /// One header, which ends at `end`.
    fn header(&mut self, Header { kind, at }: Header, end: usize) {
        match kind {
            HeaderKind::Ethernet => {
                self.mac(at);
                self.mac(at + 6);
                self.keep(at + 12, 2);
            }
            HeaderKind::Tag => self.keep(at, end.saturating_sub(at)),
            HeaderKind::Pppoe => {
                self.keep(at, 2);
                self.keep(at + 4, 2);
            }
            HeaderKind::Cooked => {
                self.keep(at, 6);
                if self.array(at + 4) == Some([0, 6]) {
                    self.mac(at + 6);
                }
                self.keep(at + 14, 2);
            }
            HeaderKind::Cooked2 => {
                self.keep(at, 12);
                if self.array(at + 11) == Some([6]) {
                    self.mac(at + 12);
                }
            }
            HeaderKind::Fddi => self.keep(at, 1),
            HeaderKind::Radiotap => {
                // The flags stand behind the fields present, and behind a time if there is one.
                self.keep(at, 8);
                let flags = if self.array(at + 4).is_some_and(|[present]: [u8; 1]| present & 1 == 1) { 16 } else { 8 };
                if at + flags < end {
                    self.keep(at + flags, 1);
                }
            }
            HeaderKind::Wifi => {
                self.keep(at, 4);
                for offset in [4, 10, 16] {
                    self.mac(at + offset);
                }
                self.keep(at + 22, 2);
                if self.array(at + 1).is_some_and(|[flags]: [u8; 1]| flags & 3 == 3) && at + 30 <= end {
                    self.mac(at + 24);
                }
            }
            HeaderKind::Nflog => self.attributes(at, end),
            HeaderKind::Ipv4 => {
                self.keep(at, 10);
                self.v4(at + 12);
                self.v4(at + 16);
            }
            HeaderKind::Ipv6 => {
                self.keep(at, 8);
                self.v6(at + 8);
                self.v6(at + 24);
            }
            HeaderKind::Extension => self.keep(at, 2),
            HeaderKind::FragmentHeader | HeaderKind::Vxlan | HeaderKind::Geneve => self.keep(at, 8),
            HeaderKind::Pktap | HeaderKind::Authentication => self.keep(at, 12),
            HeaderKind::Udp => self.keep(at, 6),
            HeaderKind::Tcp => {
                self.keep(at, 16);
                self.keep(at + 18, 2);
                self.tcp_options(at + 20, end);
            }
            HeaderKind::Gre => self.keep(at, 4),
            HeaderKind::Gtp => {
                self.keep(at, 4);
                self.gtp_extensions(at, end);
            }
            HeaderKind::L2tp => {
                self.keep(at, 2);
                let Some([flags]) = self.array::<1>(at) else { return };
                let len = if flags & 0x40 != 0 { 2 } else { 0 };
                self.keep(at + 2, len);
                if flags & 0x02 != 0 {
                    self.keep(at + 6 + len + if flags & 0x08 != 0 { 4 } else { 0 }, 2);
                }
            }
            // Lengths of what it may begin with; that itself names the client.
            HeaderKind::Teredo if self.array(at) == Some([0, 1]) => self.keep(at, 4),
            HeaderKind::Teredo => {}
        }
    }

    /// Options by which TCP works; others, as MPTCP's with addresses in them, become padding.
    fn tcp_options(&mut self, mut at: usize, end: usize) {
        while at < end {
            let len = match self.array(at) {
                Some([0]) | None => return,
                Some([1]) => 1,
                Some([kind]) => {
                    let Some([len]) = self.array::<1>(at + 1).filter(|[len]| *len >= 2) else { return };
                    let len = usize::from(len);
                    if !matches!(kind, 2..=5 | 8) || at + len > end {
                        let padding = vec![1; len.min(end - at)];
                        self.put(at, &padding);
                        at += len;
                        continue;
                    }
                    len
                }
            };
            self.keep(at, len);
            at += len;
        }
    }

    /// Types and lengths of Netfilter's attributes (see the decoder), in front of the packet.
    fn attributes(&mut self, at: usize, end: usize) {
        self.keep(at, 4);
        let mut at = at + 4;
        while at < end {
            let Some([l0, l1, t0, t1]) = self.array(at) else { return };
            let _ = t0;
            self.keep(at, 4);
            let len = if t1 == 0 { u16::from_le_bytes([l0, l1]) } else { u16::from_be_bytes([l0, l1]) };
            at += usize::from(len.max(4)).next_multiple_of(4);
        }
    }

    /// The chain of extension headers of GTP (3GPP TS 29.281 §5.2): lengths, and the type of the next.
    fn gtp_extensions(&mut self, at: usize, end: usize) {
        if self.array(at).is_none_or(|[flags]: [u8; 1]| flags.trailing_zeros() >= 3) {
            return;
        }
        self.keep(at + 11, 1);
        let mut at = at + 12;
        while at < end {
            let Some([words]) = self.array::<1>(at).filter(|[words]| *words > 0) else { return };
            let len = usize::from(words) * 4;
            self.keep(at, 1);
            self.keep(at + len - 1, 1);
            at += len;
        }
    }
}

/// The length of a header behind which there is no other.
fn length(header: Header, bytes: &[u8]) -> usize {
    let byte = |offset: usize| bytes.get(header.at + offset).copied().map_or(0, usize::from);
    match header.kind {
        HeaderKind::Ethernet => 14,
        HeaderKind::Tag if bytes.get(header.at..header.at + 3) == Some(&[0xaa, 0xaa, 3]) => 8,
        HeaderKind::Tag | HeaderKind::Gre | HeaderKind::Nflog => 4,
        HeaderKind::Cooked => 16,
        HeaderKind::Cooked2 => 20,
        HeaderKind::Fddi => 13,
        HeaderKind::Radiotap => byte(2) | byte(3) << 8,
        HeaderKind::Wifi => 24,
        HeaderKind::Pktap => byte(0) | byte(1) << 8,
        HeaderKind::Ipv4 => (byte(0) & 15) * 4,
        HeaderKind::Ipv6 => 40,
        HeaderKind::Extension => (byte(1) + 1) * 8,
        HeaderKind::FragmentHeader | HeaderKind::Udp | HeaderKind::Vxlan | HeaderKind::Geneve | HeaderKind::Gtp => 8,
        HeaderKind::Authentication => (byte(1) + 2) * 4,
        HeaderKind::Tcp => ((byte(12) >> 4) * 4).max(20),
        HeaderKind::Pppoe | HeaderKind::L2tp => 6,
        HeaderKind::Teredo => 0,
    }
}

/// Sets the checksums of IPv4 headers, and of the innermost UDP or TCP header if the whole datagram is there. Elsewhere they
/// are left out: they would have to be of bytes that are not there any more.
fn checksums(out: &mut [u8], headers: &[Header], whole: bool) {
    for header in headers.iter().filter(|header| header.kind == HeaderKind::Ipv4) {
        let sum = {
            let len = length(*header, out);
            out.get(header.at..header.at + len).map(|bytes| !sum(0, bytes))
        };
        put(out, header.at + 10, sum);
    }
    let [.., network, transport] = headers else { return };
    if !whole {
        return;
    }
    // Extension headers may stand between the addresses and the ports.
    let network = match network.kind {
        HeaderKind::Ipv4 | HeaderKind::Ipv6 => Some(network),
        _ => headers.iter().rev().find(|header| matches!(header.kind, HeaderKind::Ipv4 | HeaderKind::Ipv6)),
    };
    let (field, protocol) = match transport.kind {
        HeaderKind::Udp => (6, 17),
        HeaderKind::Tcp => (16, 6),
        _ => return,
    };
    let addresses = network.and_then(|network| match network.kind {
        HeaderKind::Ipv4 => out.get(network.at + 12..network.at + 20),
        _ => out.get(network.at + 8..network.at + 40),
    });
    let (Some(addresses), Some(segment)) = (addresses, out.get(transport.at..)) else { return };
    let pseudo = sum(u32::from(sum(0, addresses)) + protocol + segment.len() as u32, &[]);
    let mut total = !sum(pseudo.into(), segment);
    if transport.kind == HeaderKind::Udp && total == 0 {
        total = 0xffff;
    }
    put(out, transport.at + field, Some(total));
}

fn put(out: &mut [u8], at: usize, value: Option<u16>) {
    if let (Some(value), Some(field)) = (value, out.get_mut(at..at + 2)) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

/// The folded sum of RFC 1071.
fn sum(start: u32, bytes: &[u8]) -> u16 {
    let mut sum = u64::from(start);
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u64::from(u16::from_be_bytes([pair.first().copied().unwrap_or(0), low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Names that hosts of the own networks give themselves, and those of their networks, from DHCP (RFC 2132 §3.14, §3.17;
/// RFC 4702).
#[derive(Debug, Default)]
pub struct HostNames {
    decoder: Decoder,
    names: BTreeSet<Box<str>>,
}

impl HostNames {
    /// Looks for names in a frame.
    pub fn look(&mut self, frame: &Frame<'_>) {
        const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
        let Self { decoder, names } = self;
        let Decoded::Packet(packet) = decoder.decode(frame) else { return };
        if packet.transport != Transport::Udp || ![67, 68].contains(&packet.destination.port) {
            return;
        }
        let Some(mut rest) = packet.payload.get(236..).and_then(|rest| rest.strip_prefix(&COOKIE)) else { return };
        while let [kind, tail @ ..] = rest {
            if *kind == 0 {
                rest = tail;
                continue;
            }
            let Some((len, tail)) = tail.split_first() else { return };
            let Some((value, tail)) = tail.split_at_checked(usize::from(*len)) else { return };
            rest = tail;
            match kind {
                12 => add(names, value, false),
                15 => add(names, value, true),
                81 => add(names, value.get(3..).unwrap_or_default(), false),
                _ => {}
            }
        }
    }

    #[must_use]
    pub fn into_names(self) -> BTreeSet<Box<str>> {
        self.names
    }
}

/// A domain of a single label is a whole country's.
fn add(names: &mut BTreeSet<Box<str>>, name: &[u8], domain: bool) {
    let name = String::from_utf8_lossy(name).trim_matches(['\0', '.', ' ']).to_ascii_lowercase();
    if !name.is_empty() && (!domain || name.contains('.')) && names.len() < MAX_NAMES {
        names.insert(name.into());
    }
}
