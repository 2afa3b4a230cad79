//! The neutral vocabulary of the dissectors: what was read, in words that every room above understands.
//! A new protocol speaks in these facts; it does not add a type that others must know.

use crate::wire::{End, RoundTrip, Side, Text};
use std::borrow::Cow;
use std::net::IpAddr;

/// One statement read from the bytes of one side of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The protocol spoken, once it is certain: a lower-case token such as `tls`, `quic`, `stun`, `zoom`.
    Speaks(&'static str),
    /// The side asked for a host by this name.
    Named { name: Text, how: NameSource },
    /// A ClientHello: what the client offered.
    Offered(Box<Offer>),
    /// A ServerHello: what the server chose. A later one of the same flow replaces it: the final choice after a retry,
    /// the group that a ServerKeyExchange names, a resumption that only the next message shows.
    Chosen(Choice),
    /// A certificate that was sent in the clear (TLS and DTLS up to 1.2).
    Certified(Box<Certificate>),
    /// A DNS question.
    Asked { name: Text, kind: Cow<'static, str> },
    /// A DNS answer record.
    Resolved(Box<Answer>),
    /// STUN told the side its own public address (RFC 8489 §14.2).
    Mapped(End),
    /// TURN gave the side an address on the relay (RFC 8656 §18.5).
    Relayed(End),
    /// TURN was asked to exchange packets with this peer (RFC 8656 §18.3).
    Peer(End),
    /// Software that named itself (STUN SOFTWARE, SSH banner ...).
    Software(Text),
    /// The realm a TURN server asked credentials for.
    Realm(Text),
    /// Real-time media, recognised by pattern; never decrypted.
    Media(Media),
    /// Names or contents that this capture cannot show from here on.
    Hidden(Hidden),
    /// Application data that anyone on the way could read; the protocol's token.
    Clear(&'static str),
    /// The side has answered a hello without choosing yet: QUIC Retry and version negotiation, DTLS HelloVerifyRequest.
    Answered,
    /// The side has answered something that the other had asked, and how long that took. Told by the flow, which has the
    /// time; dissectors have none.
    RoundTrip(RoundTrip),
    /// A session description in the clear says that media of this kind go to this end.
    Announced { end: End, kind: MediaKind },
    /// Something for human eyes only.
    Detail { key: &'static str, value: Text },
}

/// Where a name stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameSource {
    TlsSni,
    QuicSni,
    DtlsSni,
    /// Clear-text SNI of Google QUIC (Q0xx), before there was an RFC.
    GquicSni,
    HttpConnect,
    HttpHost,
    /// Server name indication inside another protocol (XMPP `to`, SOCKS ...).
    Greeting,
}

/// The transport under a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HelloTransport {
    Tls,
    Quic,
    Dtls,
}

/// Encrypted Client Hello, as far as an observer can tell (RFC 9849).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ech {
    #[default]
    Absent,
    /// The extension is there. Real or GREASE: cannot be told from outside. The name beside it may be a cover name.
    Offered,
    /// The withdrawn draft's extension 0xffce: the real name is hidden.
    Esni,
}

/// What a client offered in its hello.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Offer {
    pub transport: HelloTransport,
    pub sni: Option<Text>,
    pub alpn: Vec<Text>,
    pub ech: Ech,
    /// Highest version offered, as on the wire (0x0304, 0xfefd ...), GREASE left out.
    pub version: u16,
    /// Lowest version offered by name (RFC 8446 §4.2.1); where only the highest is said, that one.
    pub oldest_version: u16,
    /// Cipher suites offered, in order, GREASE left out; bounded.
    pub ciphers: Vec<u16>,
    /// JA4 fingerprint (TLS and QUIC; empty for gQUIC).
    pub ja4: Box<str>,
    /// SRTP protection profiles offered (RFC 5764 §4.1.2).
    pub srtp: Vec<u16>,
    /// QUIC version number on the wire, for QUIC.
    pub quic_version: Option<u32>,
}

impl Offer {
    /// An offer of which nothing but the transport is known.
    #[must_use]
    pub fn unknown(transport: HelloTransport) -> Self {
        Self {
            transport,
            sni: None,
            alpn: Vec::new(),
            ech: Ech::Absent,
            version: 0,
            oldest_version: 0,
            ciphers: Vec::new(),
            ja4: Box::default(),
            srtp: Vec::new(),
            quic_version: None,
        }
    }

    /// Whether both put the same up for agreement. What is read for other ends (names, application protocols, fingerprint)
    /// may differ.
    #[must_use]
    pub fn is_graded_as(&self, other: &Self) -> bool {
        let graded = |o: &Self| (o.transport, o.version, o.oldest_version);
        graded(self) == graded(other) && self.ciphers == other.ciphers && self.srtp == other.srtp
    }
}

/// What a server chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Choice {
    /// Negotiated version: supported_versions (RFC 8446 §4.2.1) where present, else the legacy field.
    pub version: u16,
    pub cipher: u16,
    /// Named group of the key share, or of the ServerKeyExchange.
    pub group: Option<u16>,
    /// A HelloRetryRequest: the final choice comes later.
    pub retry: bool,
    pub resumed: bool,
    pub srtp: Option<u16>,
    /// Encrypt-then-MAC was agreed on (RFC 7366).
    pub encrypt_then_mac: bool,
    /// Bits of the prime of a finite-field key exchange, where a ServerKeyExchange says it.
    pub prime_bits: Option<u16>,
    /// Signature scheme of a ServerKeyExchange (RFC 5246 §7.4.1.4.1).
    pub signature: Option<u16>,
}

/// Names in a leaf certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// Common name first if it looks like a host, then the alternative names; bounded.
    pub names: Vec<Text>,
    pub issuer: Text,
    /// Seconds since 1970; before 1970 as 0.
    pub not_before: u64,
    pub not_after: u64,
    /// For instance `rsa-2048`, `ec-p256`.
    pub key: Box<str>,
    pub signature: Box<str>,
    pub self_signed: bool,
}

/// One DNS answer record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `udp`, `tcp`, `mdns`, `llmnr`.
    pub transport: &'static str,
    pub query: Text,
    pub owner: Text,
    /// Upper-case mnemonic: `A`, `AAAA`, `CNAME`, `HTTPS` ...
    pub kind: Cow<'static, str>,
    /// The data as text: an address, a name, or the zone-file form.
    pub data: Text,
    /// The address of an A or AAAA record.
    pub address: Option<IpAddr>,
    /// Addresses hinted in an HTTPS or SVCB record (RFC 9460 §7.3).
    pub hints: Vec<IpAddr>,
    pub ttl: u32,
}

/// Real-time media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    /// RTP or SRTP: the header is the same, an observer cannot tell whether the payload is encrypted.
    Rtp {
        ssrc: u32,
        payload_type: u8,
    },
    Rtcp,
    /// Zoom's own encapsulation; the media type byte (13 screen share, 15 audio, 16 video ...).
    Zoom {
        kind: u8,
    },
}

/// What a stream of media carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    Audio,
    Video,
    /// A shared screen, where the format tells it from a camera.
    Screen,
    Unknown,
}

/// What one end's media of a flow, or of several, was: how much of which kind, and what could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaSeen {
    /// Bytes behind the headers of RTP, in the order of [`MediaKind::ALL`].
    pub carried: [u64; MediaKind::ALL.len()],
    /// Most header extension elements (RFC 8285) of one stream.
    pub elements: u8,
    /// One of them goes as the loudness of sound does (RFC 6464).
    pub level: bool,
    /// One of them is the same text in every packet, as names of streams are (RFC 8843, RFC 8852).
    pub named: bool,
    /// Extensions are encrypted (RFC 9335).
    pub cryptex: bool,
    /// Reports in the clear hold a canonical name (RFC 3550 §6.5.1).
    pub cname: bool,
    pub clear: Option<ClearMedia>,
}

/// Payload that keeps to the rules of a format through a sample, as encrypted payload cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClearMedia {
    /// `G.711`, `Opus`, `VP8`, `H.264`.
    pub codec: &'static str,
    /// Packets looked at, and those of them that keep to the rules.
    pub packets: u32,
    pub fits: u32,
    /// Entropy of the bytes in hundredths of a bit per byte, where that was the rule.
    pub entropy: Option<u16>,
}

/// Why something cannot be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hidden {
    /// DNS over TLS (RFC 7858), DNS over QUIC (RFC 9250), DNS over HTTPS (RFC 8484), DNSCrypt.
    Dot,
    Doq,
    Doh,
    Dnscrypt,
    /// A tunnel whose inside is encrypted (WireGuard, OpenVPN, IPsec ...).
    Vpn,
    /// Requests go through a proxy (HTTP CONNECT, SOCKS): the addresses are the proxy's.
    Proxy,
    /// A service that takes the traffic of browsers elsewhere, told by the name of its host.
    ProxyHost,
    /// IPv6 through Teredo (RFC 4380): relays of others carry it, and the addresses are of their making.
    Teredo,
}

/// Facts in the order they were read, each with the side that said it.
#[derive(Debug, Default)]
pub struct Facts(pub Vec<(Side, Fact)>);

impl Facts {
    pub fn push(&mut self, side: Side, fact: Fact) {
        self.0.push((side, fact));
    }
}

impl NameSource {
    pub const ALL: [Self; 7] =
        [Self::TlsSni, Self::QuicSni, Self::DtlsSni, Self::GquicSni, Self::HttpConnect, Self::HttpHost, Self::Greeting];

    /// The stable token of the tables' `name_basis` column.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::TlsSni => "tls-sni",
            Self::QuicSni => "quic-sni",
            Self::DtlsSni => "dtls-sni",
            Self::GquicSni => "gquic-sni",
            Self::HttpConnect => "http-connect",
            Self::HttpHost => "http-host",
            Self::Greeting => "greeting",
        }
    }
}

impl HelloTransport {
    pub const ALL: [Self; 3] = [Self::Tls, Self::Quic, Self::Dtls];

    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Dtls => "dtls",
        }
    }
}

impl MediaKind {
    pub const ALL: [Self; 4] = [Self::Audio, Self::Video, Self::Screen, Self::Unknown];

    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Screen => "screen",
            Self::Unknown => "unknown",
        }
    }
}

/// Bytes by kind, in the order of [`MediaKind::ALL`]: those of unknown kind are of this one.
pub fn assume(carried: &mut [u64; MediaKind::ALL.len()], kind: MediaKind) {
    let unknown = carried.get_mut(MediaKind::Unknown as usize).map_or(0, std::mem::take);
    if let Some(sum) = carried.get_mut(kind as usize) {
        *sum += unknown;
    }
}

impl MediaSeen {
    /// Adds what was seen of other streams.
    pub fn join(&mut self, other: &Self) {
        for (sum, more) in self.carried.iter_mut().zip(other.carried) {
            *sum += more;
        }
        self.elements = self.elements.max(other.elements);
        self.level |= other.level;
        self.named |= other.named;
        self.cryptex |= other.cryptex;
        self.cname |= other.cname;
        self.clear = self.clear.or(other.clear);
    }

    /// What packets do not tell the kind of is of this one.
    pub fn assume(&mut self, kind: MediaKind) {
        assume(&mut self.carried, kind);
    }

    /// Bytes behind the headers of RTP of one kind.
    #[must_use]
    pub fn of(&self, kind: MediaKind) -> u64 {
        self.carried.get(kind as usize).copied().unwrap_or(0)
    }

    /// Bytes behind the headers of RTP of all kinds.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.carried.iter().sum()
    }
}

impl Ech {
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Absent => "",
            Self::Offered => "offered",
            Self::Esni => "esni",
        }
    }
}

impl Hidden {
    pub const ALL: [Self; 8] =
        [Self::Dot, Self::Doq, Self::Doh, Self::Dnscrypt, Self::Vpn, Self::Proxy, Self::ProxyHost, Self::Teredo];

    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Dot => "dns-over-tls",
            Self::Doq => "dns-over-quic",
            Self::Doh => "dns-over-https",
            Self::Dnscrypt => "dnscrypt",
            Self::Vpn => "vpn",
            Self::Proxy => "proxy",
            Self::ProxyHost => "proxy-host",
            Self::Teredo => "teredo",
        }
    }
}
