//! Writes pcapng (draft-ietf-opsawg-pcapng), little-endian, times in nanoseconds.

use crate::wire::capfile::{block, option};
use crate::wire::{Direction, LinkType, Text, Timestamp};
use std::io::{self, Write};
use std::net::IpAddr;

/// An option's value has a length of 16 bits.
const MAX_OPTION: usize = u16::MAX as usize;
/// Names per block: a reader need not hold more at once.
const NAMES_PER_BLOCK: usize = 1_024;

/// What stands at the start of a file.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub application: Box<str>,
    pub system: Box<str>,
    pub hardware: Box<str>,
    pub comment: Box<str>,
}

/// An interface, in the order of its number.
#[derive(Debug, Clone)]
pub struct Described {
    pub link: LinkType,
    pub name: Option<Text>,
    pub description: Option<Text>,
    pub addresses: Vec<IpAddr>,
    pub mac: Option<[u8; 6]>,
    pub snap_len: Option<u32>,
    pub filter: Option<Text>,
}

impl Described {
    /// Nothing more is known of it.
    #[must_use]
    pub const fn new(link: LinkType) -> Self {
        Self { link, name: None, description: None, addresses: Vec::new(), mac: None, snap_len: None, filter: None }
    }
}

/// A frame as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    pub interface: u32,
    pub time: Timestamp,
    pub original_len: u32,
    pub bytes: &'a [u8],
    /// The frame's number.
    pub id: u64,
    pub direction: Direction,
    /// Frames of the interface lost between the one before and this one.
    pub dropped: u64,
    /// Process id of whoever sent or got it.
    pub process: Option<u32>,
    pub comments: &'a [Box<str>],
}

/// Counters of an interface since its capture began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    pub started: Timestamp,
    pub received: Option<u64>,
    pub dropped_by_interface: Option<u64>,
    /// By the system, or by this program because writing was behind.
    pub dropped_by_system: Option<u64>,
    /// Frames that are in the files.
    pub delivered: Option<u64>,
}

/// Writes one file. Blocks go out whole.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    block: Vec<u8>,
    written: u64,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W, section: &Section) -> io::Result<Self> {
        let mut writer = Self { out, block: Vec::with_capacity(4096), written: 0 };
        writer.begin(block::SECTION_HEADER);
        writer.u32(block::BYTE_ORDER_MAGIC);
        writer.u32(1);
        // Nobody knows how long the section will be.
        writer.bytes(&u64::MAX.to_le_bytes());
        writer.text(option::SECTION_HARDWARE, &section.hardware);
        writer.text(option::SECTION_SYSTEM, &section.system);
        writer.text(option::SECTION_APPLICATION, &section.application);
        writer.text(option::COMMENT, &section.comment);
        writer.end_options();
        writer.finish()?;
        Ok(writer)
    }

    /// Bytes written so far.
    pub const fn written(&self) -> u64 {
        self.written
    }

    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Describes the next interface; they are numbered from 0 in this order.
    pub fn interface(&mut self, described: &Described) -> io::Result<()> {
        self.begin(block::INTERFACE_DESCRIPTION);
        // Link types of live captures and of this format have 16 bits.
        self.u32(described.link.0 & 0xffff);
        self.u32(described.snap_len.unwrap_or(0));
        self.text(option::INTERFACE_NAME, described.name.as_ref().map_or("", Text::exact));
        self.text(option::INTERFACE_DESCRIPTION, described.description.as_ref().map_or("", Text::exact));
        for address in &described.addresses {
            // Masks are not known here; a host's own address is one address.
            match address {
                IpAddr::V4(v4) => {
                    let [a, b, c, d] = v4.octets();
                    self.option(option::INTERFACE_IPV4, &[a, b, c, d, 255, 255, 255, 255]);
                }
                IpAddr::V6(v6) => {
                    let mut value = v6.octets().to_vec();
                    value.push(128);
                    self.option(option::INTERFACE_IPV6, &value);
                }
            }
        }
        if let Some(mac) = described.mac {
            self.option(option::INTERFACE_MAC, &mac);
        }
        self.option(option::INTERFACE_TIME_RESOLUTION, &[9]);
        if let Some(filter) = &described.filter {
            let mut value = vec![0];
            value.extend_from_slice(filter.exact().as_bytes());
            self.option(option::INTERFACE_FILTER, &value);
        }
        self.end_options();
        self.finish()
    }

    pub fn frame(&mut self, kept: &Kept<'_>) -> io::Result<()> {
        self.begin(block::ENHANCED_PACKET);
        self.u32(kept.interface);
        self.time(kept.time);
        self.u32(kept.bytes.len() as u32);
        self.u32(kept.original_len);
        self.bytes(kept.bytes);
        self.pad();
        let flags: u32 = match kept.direction {
            Direction::Unknown => 0,
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        };
        if flags != 0 {
            self.option(option::PACKET_FLAGS, &flags.to_le_bytes());
        }
        if kept.dropped != 0 {
            self.option(option::PACKET_DROP_COUNT, &kept.dropped.to_le_bytes());
        }
        self.option(option::PACKET_ID, &kept.id.to_le_bytes());
        if let Some(process) = kept.process {
            // The thread is not known.
            self.option(option::PACKET_PROCESS, &u64::from(process).to_le_bytes());
        }
        for comment in kept.comments {
            self.text(option::COMMENT, comment);
        }
        self.end_options();
        self.finish()
    }

    /// Names of addresses, as they were read on the wire. A name with a zero byte in it is no name.
    pub fn names(&mut self, names: &[(IpAddr, Text)]) -> io::Result<()> {
        for part in names.chunks(NAMES_PER_BLOCK) {
            self.begin(block::NAME_RESOLUTION);
            for (address, name) in part {
                let name = name.exact().as_bytes();
                if name.is_empty() || name.contains(&0) || name.len() > 1_024 {
                    continue;
                }
                let (kind, octets): (u16, &[u8]) = match address {
                    IpAddr::V4(v4) => (1, &v4.octets()),
                    IpAddr::V6(v6) => (2, &v6.octets()),
                };
                self.u16(kind);
                self.u16((octets.len() + name.len() + 1) as u16);
                self.bytes(octets);
                self.bytes(name);
                self.bytes(&[0]);
                self.pad();
            }
            self.u32(0);
            self.finish()?;
        }
        Ok(())
    }

    /// Counters of an interface at a time, and what is to be noted down now.
    pub fn statistics(
        &mut self,
        interface: u32,
        now: Timestamp,
        counted: &Statistics,
        comments: &[Box<str>],
    ) -> io::Result<()> {
        self.begin(block::INTERFACE_STATISTICS);
        self.u32(interface);
        self.time(now);
        // The upper half first, each half in the file's byte order.
        let time = |t: Timestamp| t.0.rotate_left(32).to_le_bytes();
        self.option(option::STATISTICS_START, &time(counted.started));
        self.option(option::STATISTICS_END, &time(now));
        for (code, count) in [
            (option::STATISTICS_RECEIVED, counted.received),
            (option::STATISTICS_INTERFACE_DROPPED, counted.dropped_by_interface),
            (option::STATISTICS_SYSTEM_DROPPED, counted.dropped_by_system),
            (option::STATISTICS_DELIVERED, counted.delivered),
        ] {
            if let Some(count) = count {
                self.option(code, &count.to_le_bytes());
            }
        }
        for comment in comments {
            self.text(option::COMMENT, comment);
        }
        self.end_options();
        self.finish()
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.u32(kind);
        self.u32(0);
    }

    /// Sets the length in front, repeats it behind, and hands the block on.
    fn finish(&mut self) -> io::Result<()> {
        let len = (self.block.len() + 4) as u32;
        if let Some(field) = self.block.get_mut(4..8) {
            field.copy_from_slice(&len.to_le_bytes());
        }
        self.u32(len);
        self.out.write_all(&self.block)?;
        self.written += u64::from(len);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Times are written with the upper half first, in any byte order.
    fn time(&mut self, time: Timestamp) {
        self.u32((time.0 >> 32) as u32);
        self.u32(time.0 as u32);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..MAX_OPTION).unwrap_or(value);
        self.u16(code);
        self.u16(value.len() as u16);
        self.bytes(value);
        self.pad();
    }

    /// An option of text; nothing if it is empty. A long one is cut between characters.
    fn text(&mut self, code: u16, text: &str) {
        if !text.is_empty() {
            let end = (0..=text.len().min(MAX_OPTION)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            self.option(code, text.get(..end).unwrap_or_default().as_bytes());
        }
    }

    fn end_options(&mut self) {
        self.u32(u32::from(option::END));
    }
}
