//! The pcapng format, block by block. Packet blocks are read here, in place and without allocation: there is one per
//! frame. `pcap-parser` reads the rare blocks that describe a section or an interface.

use super::note::{About, Note};
use super::order::ByteOrder;
use crate::wire::capfile::{APPLICATION, block, option};
use crate::wire::{Direction, FrameNo, LinkType, Text, Timestamp};
use pcap_parser::pcapng::{
    Block, NameRecordType, OptionCode, PcapNGOption, parse_block_be, parse_block_le, parse_sectionheaderblock,
};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Interfaces per section. Machines have tens of them; the bound keeps a hostile file from filling memory.
const MAX_INTERFACES: usize = 65_536;
/// Notes and names kept of one block, for the same reason.
const MAX_NOTES: usize = 1_024;
const MAX_NAMES: usize = 65_536;
/// Bytes of a block around its body: type and length in front, length again behind.
pub(super) const FRAMING: usize = 12;

/// The current section: its byte order and its interfaces.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) order: ByteOrder,
    interfaces: Vec<Interface>,
    /// This program wrote it: packet ids are frame numbers.
    pub(super) own: bool,
    /// Time of the last frame that had one.
    last: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link: LinkType,
    snap_len: Option<u32>,
    clock: Clock,
}

/// A frame as a packet block holds it; offsets count from the block's first byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct PacketBlock {
    pub(super) link: LinkType,
    /// `None` for a simple packet block, which has no time.
    pub(super) time: Option<Timestamp>,
    pub(super) original: u32,
    pub(super) start: usize,
    pub(super) len: usize,
    /// Where options start, which may be the end of the block.
    pub(super) options: usize,
    /// Frames lost before this one, where the block itself says so.
    pub(super) drops: u64,
    pub(super) interface: u32,
}

/// What the options of a packet block say of the frame itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Labels {
    pub(super) id: Option<u64>,
    pub(super) direction: Direction,
}

impl Section {
    pub(super) const fn new(order: ByteOrder) -> Self {
        Self { order, interfaces: Vec::new(), own: false, last: Timestamp::ZERO }
    }

    /// The byte order that a section header block, given from its first byte, is written in.
    pub(super) fn order_of(start: &[u8]) -> Option<ByteOrder> {
        [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| order.u32(start, 8) == Some(block::BYTE_ORDER_MAGIC))
    }

    /// Starts over with the section whose header block this is.
    pub(super) fn begin(&mut self, order: ByteOrder, bytes: &[u8], offset: u64, notes: &mut VecDeque<Note>) {
        self.order = order;
        self.own = false;
        self.interfaces.clear();
        let Ok((_, header)) = parse_sectionheaderblock(bytes) else {
            notes.push_back(Note::Unreadable { block: block::SECTION_HEADER, offset });
            return;
        };
        let application = text_of(&header.options, option::SECTION_APPLICATION);
        self.own = application.as_ref().is_some_and(|name| name.exact().starts_with(APPLICATION));
        notes.push_back(Note::Section {
            hardware: text_of(&header.options, option::SECTION_HARDWARE),
            system: text_of(&header.options, option::SECTION_SYSTEM),
            application,
        });
        comments(&header.options, About::Section, notes);
    }

    /// Reads a block that describes, given from its first byte to its last. Gives the link type of a new interface, or
    /// fails if the section has too many.
    pub(super) fn describe(
        &mut self,
        bytes: &[u8],
        offset: u64,
        notes: &mut VecDeque<Note>,
    ) -> Result<Option<LinkType>, ()> {
        let kind = self.order.u32(bytes, 0).ok_or(())?;
        let parsed = match self.order {
            ByteOrder::Little => parse_block_le(bytes),
            ByteOrder::Big => parse_block_be(bytes),
        };
        match parsed {
            Ok((_, Block::InterfaceDescription(described))) => {
                let link = LinkType(described.linktype.0.cast_unsigned());
                let options = &described.options;
                let id = self.add(Interface {
                    link,
                    snap_len: (described.snaplen != 0).then_some(described.snaplen),
                    clock: Clock::new(options, self.order),
                })?;
                notes.push_back(Note::Interface {
                    id,
                    link,
                    name: text_of(options, option::INTERFACE_NAME),
                    description: text_of(options, option::INTERFACE_DESCRIPTION),
                    addresses: addresses(options),
                    mac: values(options, option::INTERFACE_MAC).find_map(|value| value.try_into().ok()),
                    snap_len: (described.snaplen != 0).then_some(described.snaplen),
                    filter: values(options, option::INTERFACE_FILTER).next().and_then(filter),
                });
                comments(options, About::Interface(id), notes);
                return Ok(Some(link));
            }
            Ok((_, Block::InterfaceStatistics(counted))) => {
                let count = |code| values(&counted.options, code).find_map(|value| self.order.u64(value, 0));
                notes.push_back(Note::Statistics {
                    interface: counted.if_id,
                    received: count(option::STATISTICS_RECEIVED),
                    dropped_by_interface: count(option::STATISTICS_INTERFACE_DROPPED),
                    dropped_by_system: count(option::STATISTICS_SYSTEM_DROPPED),
                    delivered: count(option::STATISTICS_DELIVERED),
                });
                comments(&counted.options, About::Interface(counted.if_id), notes);
            }
            Ok((_, Block::NameResolution(resolved))) => {
                let records = resolved.nr.iter().filter_map(|record| named(record.record_type, record.record_value));
                notes.push_back(Note::Names(records.flatten().take(MAX_NAMES).collect()));
                comments(&resolved.options, About::Other, notes);
            }
            _ => {
                // Interfaces are numbered by their blocks: one that cannot be read still counts.
                if kind == block::INTERFACE_DESCRIPTION {
                    let link = self.order.u16(bytes, 8).map_or(LinkType::UNDESCRIBED, |link| LinkType(link.into()));
                    self.add(Interface { link, snap_len: None, clock: Clock::default() })?;
                }
                notes.push_back(Note::Unreadable { block: kind, offset });
            }
        }
        Ok(None)
    }

    fn add(&mut self, interface: Interface) -> Result<u32, ()> {
        let id = self.interfaces.len();
        if id >= MAX_INTERFACES {
            return Err(());
        }
        self.interfaces.push(interface);
        u32::try_from(id).map_err(|_| ())
    }

    /// Reads a packet block, given from its first byte to its last. `None` if its lengths contradict each other.
    #[inline]
    pub(super) fn packet(&mut self, kind: u32, bytes: &[u8]) -> Option<PacketBlock> {
        let order = self.order;
        let end = bytes.len().checked_sub(4)?;
        if kind == block::SIMPLE_PACKET {
            let start = 12;
            let original = order.u32(bytes, 8)?;
            let first = self.interfaces.first();
            // Without a length of its own, the frame ends where the first of these three does.
            let limit = first.and_then(|i| i.snap_len).unwrap_or(u32::MAX);
            let len = end.checked_sub(start)?.min(original.min(limit) as usize);
            let link = first.map_or(LinkType::UNDESCRIBED, |i| i.link);
            return Some(PacketBlock { link, time: None, original, start, len, options: end, drops: 0, interface: 0 });
        }
        let (id, drops) = if kind == block::ENHANCED_PACKET {
            (order.u32(bytes, 8)?, 0)
        } else {
            // 65535 says that the number is not known.
            let drops = order.u16(bytes, 10)?;
            (order.u16(bytes, 8)?.into(), if drops == u16::MAX { 0 } else { drops.into() })
        };
        let start = 28;
        let ticks = (u64::from(order.u32(bytes, 12)?) << 32) | u64::from(order.u32(bytes, 16)?);
        let len = order.u32(bytes, 20)? as usize;
        let original = order.u32(bytes, 24)?;
        if len > end.checked_sub(start)? {
            return None;
        }
        let interface = self.interfaces.get(id as usize);
        let time = interface.map_or(self.last, |i| i.clock.time(ticks));
        self.last = time;
        let link = interface.map_or(LinkType::UNDESCRIBED, |i| i.link);
        let options = (start + len).next_multiple_of(4);
        Some(PacketBlock { link, time: Some(time), original, start, len, options, drops, interface: id })
    }

    /// The time to give a frame that has none of its own: that of the frame before it.
    pub(super) const fn last(&self) -> Timestamp {
        self.last
    }

    /// The labels among a packet block's options.
    #[inline]
    pub(super) fn labels(&self, options: &[u8]) -> Labels {
        let mut labels = Labels::default();
        for (code, value) in (Options { order: self.order, rest: options }).take(MAX_NOTES) {
            match code {
                option::PACKET_ID => labels.id = self.order.u64(value, 0),
                option::PACKET_FLAGS => {
                    labels.direction = match self.order.u32(value, 0).unwrap_or_default() & 3 {
                        1 => Direction::Inbound,
                        2 => Direction::Outbound,
                        _ => Direction::Unknown,
                    }
                }
                _ => {}
            }
        }
        labels
    }

    /// What a packet block's options say beside its frame.
    pub(super) fn remarks(&self, options: &[u8], frame: FrameNo, time: Timestamp, notes: &mut VecDeque<Note>) {
        for (code, value) in (Options { order: self.order, rest: options }).take(MAX_NOTES) {
            match code {
                option::COMMENT => {
                    notes.push_back(Note::Comment { about: About::Frame(frame, time), text: text(value) });
                }
                option::PACKET_DROP_COUNT => {
                    if let Some(frames @ 1..) = self.order.u64(value, 0) {
                        notes.push_back(Note::Dropped { before: frame, time, frames });
                    }
                }
                _ => {}
            }
        }
    }
}

/// How an interface counts time.
#[derive(Debug, Clone, Copy)]
struct Clock {
    unit: Unit,
    /// Nanoseconds to add.
    offset: i128,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    /// Nanoseconds per tick.
    Nanos(u64),
    /// Ticks per nanosecond; 0 if they are more than can be counted.
    Finer(u64),
    /// Ticks per second as a power of two.
    Binary(u32),
}

impl Default for Clock {
    /// Microseconds, unless an interface says otherwise.
    fn default() -> Self {
        Self { unit: Unit::Nanos(1_000), offset: 0 }
    }
}

impl Clock {
    fn new(options: &[PcapNGOption<'_>], order: ByteOrder) -> Self {
        let resolution = values(options, option::INTERFACE_TIME_RESOLUTION).find_map(|value| value.first().copied());
        let unit = match resolution.unwrap_or(6) {
            binary @ 0x80.. => Unit::Binary(u32::from(binary & 0x7f)),
            decimal @ 0..=9 => Unit::Nanos(10_u64.pow(9 - u32::from(decimal))),
            finer => Unit::Finer(10_u64.checked_pow(u32::from(finer) - 9).unwrap_or(0)),
        };
        let offset = values(options, option::INTERFACE_TIME_OFFSET).find_map(|value| order.u64(value, 0));
        Self { unit, offset: i128::from(offset.unwrap_or(0).cast_signed()) * 1_000_000_000 }
    }

    #[inline]
    fn time(self, ticks: u64) -> Timestamp {
        let nanos = match self.unit {
            Unit::Nanos(each) => ticks.saturating_mul(each),
            Unit::Finer(per_nano) => ticks.checked_div(per_nano).unwrap_or(0),
            Unit::Binary(bits) => {
                u64::try_from((u128::from(ticks) * 1_000_000_000).checked_shr(bits).unwrap_or(0)).unwrap_or(u64::MAX)
            }
        };
        if self.offset == 0 {
            return Timestamp(nanos);
        }
        let shifted = (i128::from(nanos) + self.offset).clamp(0, i128::from(u64::MAX));
        Timestamp(u64::try_from(shifted).unwrap_or(u64::MAX))
    }
}

/// Options as they lie in a block, up to the end mark or the first that is not whole.
struct Options<'a> {
    order: ByteOrder,
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = self.order.u16(self.rest, 0).filter(|&code| code != option::END)?;
        let len = usize::from(self.order.u16(self.rest, 2)?);
        let body = self.rest.get(4..)?;
        let value = body.get(..len)?;
        self.rest = body.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

/// Values of one kind of option, up to the end mark.
fn values<'a>(options: &'a [PcapNGOption<'_>], code: u16) -> impl Iterator<Item = &'a [u8]> {
    options
        .iter()
        .take_while(|o| o.code != OptionCode::EndOfOpt)
        .filter(move |o| o.code == OptionCode(code))
        .filter_map(|o| o.as_bytes().ok())
}

/// Strings need no end mark, but some writers set one, and leave whatever lay behind it.
fn text(value: &[u8]) -> Text {
    Text::from_wire(value.split(|&byte| byte == 0).next().unwrap_or(value))
}

fn text_of(options: &[PcapNGOption<'_>], code: u16) -> Option<Text> {
    values(options, code).next().map(text)
}

fn comments(options: &[PcapNGOption<'_>], about: About, notes: &mut VecDeque<Note>) {
    let found = values(options, option::COMMENT).take(MAX_NOTES);
    notes.extend(found.map(|value| Note::Comment { about, text: text(value) }));
}

/// Interface addresses: each is followed by its mask (IPv4) or prefix length (IPv6).
fn addresses(options: &[PcapNGOption<'_>]) -> Vec<IpAddr> {
    let v4 = values(options, option::INTERFACE_IPV4).filter_map(|v| v.first_chunk::<4>()).map(|&a| IpAddr::from(a));
    let v6 = values(options, option::INTERFACE_IPV6).filter_map(|v| v.first_chunk::<16>()).map(|&a| IpAddr::from(a));
    v4.chain(v6).take(MAX_NOTES).collect()
}

/// A filter is a string or compiled code, told by its first byte.
fn filter(value: &[u8]) -> Option<Text> {
    match value.split_first()? {
        (0, source) => Some(text(source)),
        _ => Some(Text::from("(compiled filter)")),
    }
}

/// The names of one record: an address, then strings that each end with a zero byte.
fn named(kind: NameRecordType, value: &[u8]) -> Option<impl Iterator<Item = (IpAddr, Text)>> {
    let (address, names) = match kind {
        NameRecordType::Ipv4 => value.split_first_chunk::<4>().map(|(a, n)| (IpAddr::V4(Ipv4Addr::from(*a)), n)),
        NameRecordType::Ipv6 => value.split_first_chunk::<16>().map(|(a, n)| (IpAddr::V6(Ipv6Addr::from(*a)), n)),
        _ => None,
    }?;
    let names = names.split(|&b| b == 0).filter(|name| !name.is_empty());
    Some(names.map(move |name| (address, Text::host(name))))
}
