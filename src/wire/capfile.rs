//! Numbers of the capture file formats, in one place for whoever reads or writes them. Sources:
//! draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng and <https://www.tcpdump.org/linktypes.html>.

use super::LinkType;
use std::fmt;

/// Magic numbers of pcap, as the writer's byte order holds them.
pub const PCAP_MICROSECONDS: u32 = 0xa1b2_c3d4;
pub const PCAP_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Kuznetzov's patched libpcap: record headers have eight bytes more.
pub const PCAP_MODIFIED: u32 = 0xa1b2_cd34;
/// Bytes of the pcap file header and of a record header, plain and modified.
pub const PCAP_HEADER_LEN: usize = 24;
pub const PCAP_RECORD_LEN: usize = 16;
pub const PCAP_MODIFIED_RECORD_LEN: usize = 24;

/// How this program names itself in the sections that it writes; a version follows. In such a section packet ids are frame
/// numbers.
pub const APPLICATION: &str = "zollhund ";

/// Block types of pcapng. The section header's reads the same in both byte orders.
pub mod block {
    pub const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub const INTERFACE_DESCRIPTION: u32 = 1;
    /// Obsolete, but old files have it.
    pub const PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const NAME_RESOLUTION: u32 = 4;
    pub const INTERFACE_STATISTICS: u32 = 5;
    pub const ENHANCED_PACKET: u32 = 6;
    pub const DECRYPTION_SECRETS: u32 = 10;
    pub const CUSTOM: u32 = 0x0bad;
    pub const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
}

/// Option codes of pcapng; the meaning depends on the block.
pub mod option {
    pub const END: u16 = 0;
    pub const COMMENT: u16 = 1;

    pub const SECTION_HARDWARE: u16 = 2;
    pub const SECTION_SYSTEM: u16 = 3;
    pub const SECTION_APPLICATION: u16 = 4;

    pub const INTERFACE_NAME: u16 = 2;
    pub const INTERFACE_DESCRIPTION: u16 = 3;
    pub const INTERFACE_IPV4: u16 = 4;
    pub const INTERFACE_IPV6: u16 = 5;
    pub const INTERFACE_MAC: u16 = 6;
    pub const INTERFACE_TIME_RESOLUTION: u16 = 9;
    pub const INTERFACE_FILTER: u16 = 11;
    pub const INTERFACE_SYSTEM: u16 = 12;
    pub const INTERFACE_TIME_OFFSET: u16 = 14;

    pub const PACKET_FLAGS: u16 = 2;
    pub const PACKET_DROP_COUNT: u16 = 4;
    pub const PACKET_ID: u16 = 5;
    /// Process and thread id of whoever sent or got the frame.
    pub const PACKET_PROCESS: u16 = 8;

    pub const STATISTICS_START: u16 = 2;
    pub const STATISTICS_END: u16 = 3;
    pub const STATISTICS_RECEIVED: u16 = 4;
    pub const STATISTICS_INTERFACE_DROPPED: u16 = 5;
    pub const STATISTICS_FILTER_ACCEPTED: u16 = 6;
    pub const STATISTICS_SYSTEM_DROPPED: u16 = 7;
    pub const STATISTICS_DELIVERED: u16 = 8;
}

/// Link types that mean something to this program. Some older files hold a system's own DLT_ number instead; those in
/// use for IP are listed too.
impl LinkType {
    /// BSD loopback: the address family in the capturing machine's byte order.
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const PPP: Self = Self(9);
    pub const FDDI: Self = Self(10);
    /// DLT_RAW of most systems; DLT_LOOP of OpenBSD.
    pub const RAW_DLT: Self = Self(12);
    /// DLT_RAW of OpenBSD.
    pub const RAW_DLT_OPENBSD: Self = Self(14);
    pub const PPP_HDLC: Self = Self(50);
    pub const PPP_ETHER: Self = Self(51);
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const C_HDLC: Self = Self(104);
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback: the address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1 and 2.
    pub const LINUX_SLL: Self = Self(113);
    pub const LINUX_SLL2: Self = Self(276);
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// DLT_USER2, which Apple used for PKTAP before it had a number of its own.
    pub const PKTAP_DLT: Self = Self(149);
    pub const PPP_WITH_DIRECTION: Self = Self(204);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const NFLOG: Self = Self(239);
    pub const PKTAP: Self = Self(258);
    /// A packet of an interface that its file does not describe. No file can hold this value: fields have 16 bits.
    pub const UNDESCRIBED: Self = Self(u32::MAX);
}

/// For people: names as capture programs show them, where there is a common one.
impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::NULL | Self::LOOP => "BSD loopback",
            Self::ETHERNET => "Ethernet",
            Self::PPP | Self::PPP_HDLC | Self::PPP_ETHER | Self::PPP_WITH_DIRECTION => "PPP",
            Self::FDDI => "FDDI",
            Self::RAW | Self::RAW_DLT | Self::RAW_DLT_OPENBSD | Self::IPV4 | Self::IPV6 => "raw IP",
            Self::C_HDLC => "Cisco HDLC",
            Self::IEEE802_11 | Self::IEEE802_11_RADIOTAP => "Wi-Fi",
            Self::LINUX_SLL => "Linux cooked v1",
            Self::LINUX_SLL2 => "Linux cooked v2",
            Self::NFLOG => "NFLOG",
            Self::PKTAP | Self::PKTAP_DLT => "PKTAP",
            Self::UNDESCRIBED => "an interface that the file does not describe",
            Self(number) => return write!(f, "link type {number}"),
        })
    }
}
