//! Small protocols that matter only by being recognised: one line each in a table. Nothing but their first bytes is read.
//!
//! A sign must be unmistakable: a magic value of several bytes, or a well-known port together with a format that fits.

use super::fact::{Fact, Facts, Hidden};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Cursor, Side, Text, TransportKind};

/// Bytes of a banner, RFC 4253 §4.2.
const MAX_BANNER: usize = 255;

/// How one protocol is recognised and what that says.
#[derive(Debug)]
struct Sign {
    token: &'static str,
    shows: fn(&Opening<'_>) -> bool,
    tells: Tells,
}

/// What there is to say besides the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    Name,
    /// Content goes in the clear.
    Clear,
    Hidden(Hidden),
    /// The first line names the software.
    Banner,
}

const fn sign(token: &'static str, tells: Tells, shows: fn(&Opening<'_>) -> bool) -> Sign {
    Sign { token, shows, tells }
}

static DATAGRAMS: [Sign; 21] = [
    // RFC 5905 §7.3: leap, version 1 to 4, mode 1 to 5.
    sign("ntp", Tells::Name, |o| {
        let first = o.bytes.first().copied().unwrap_or_default();
        o.has_port(123) && o.bytes.len() >= 48 && (1..=4).contains(&(first >> 3 & 7)) && (1..=5).contains(&(first & 7))
    }),
    // RFC 2131 §2 with the cookie of §3.
    sign("dhcp", Tells::Name, |o| (o.has_port(67) || o.has_port(68)) && has(o, 236, &[0x63, 0x82, 0x53, 0x63])),
    // RFC 8415 §7.3.
    sign("dhcpv6", Tells::Name, |o| {
        o.has_port(547) && o.from_port.abs_diff(o.to_port) <= 1 && matches!(o.bytes, [1..=13, _, _, _, ..])
    }),
    sign("ssdp", Tells::Name, |o| {
        let starts = [&b"M-SEARCH * HTTP/1.1"[..], b"NOTIFY * HTTP/1.1", b"HTTP/1.1 200 OK"];
        o.has_port(1900) && starts.iter().any(|start| has(o, 0, start))
    }),
    // RFC 1002 §4.2.1: names of 32 letters A to P.
    sign("netbios", Tells::Name, |o| {
        let name = o.bytes.get(13..45).unwrap_or_default();
        o.has_port(137) && has(o, 12, &[32]) && !name.is_empty() && name.iter().all(|b| (b'A'..=b'P').contains(b))
    }),
    // RFC 1002 §4.4.1: type, flags, id, source address, source port 138.
    sign("netbios", Tells::Name, |o| {
        o.has_port(138) && matches!(o.bytes, [0x10..=0x16, 0..=0x0f, ..]) && has(o, 8, &[0, 138])
    }),
    // RFC 6886 (version 0) and RFC 6887 (version 2).
    sign("pcp", Tells::Name, |o| {
        let old = matches!(o.bytes, [0, 0..=2 | 128..=130, ..]) && matches!(o.bytes.len(), 2 | 8 | 12 | 16);
        let new = matches!(o.bytes, [2, 0..=3 | 128..=131, ..]) && o.bytes.len() >= 24;
        (o.has_port(5351) || o.has_port(5350)) && (old || new)
    }),
    sign("ws-discovery", Tells::Name, |o| o.has_port(3702) && o.bytes.starts_with(b"<")),
    // RFC 3417 §3: a BER sequence that begins with the version.
    sign("snmp", Tells::Name, |o| {
        let version = match *o.bytes {
            [0x30, 0..=0x7f, ref rest @ ..] | [0x30, 0x81, _, ref rest @ ..] | [0x30, 0x82, _, _, ref rest @ ..] => {
                rest
            }
            _ => &[],
        };
        (o.has_port(161) || o.has_port(162)) && matches!(version, [2, 1, 0..=3, ..])
    }),
    // RFC 5424 §6: the priority in angle brackets.
    sign("syslog", Tells::Clear, |o| o.has_port(514) && matches!(o.bytes, [b'<', b'0'..=b'9', b'>' | b'0'..=b'9', ..])),
    // The eight magic bytes of a resolver's answer, and the ten of an anonymised query (DNSCRYPT-V2-PROTOCOL).
    sign("dnscrypt", Tells::Hidden(Hidden::Dnscrypt), |o| has(o, 0, b"r6fnvWj8")),
    sign("dnscrypt", Tells::Hidden(Hidden::Dnscrypt), |o| has(o, 0, &[0xff; 8]) && has(o, 8, &[0, 0])),
    // Tailscale's path discovery begins with "TS" and a speech balloon.
    sign("tailscale", Tells::Hidden(Hidden::Vpn), |o| has(o, 0, b"TS\xf0\x9f\x92\xac")),
    // RFC 2661 §3.1: a control message of version 2.
    sign("l2tp", Tells::Name, |o| o.has_port(1701) && has(o, 0, &[0xc8, 2]) && is_length(o, 2)),
    // RFC 4380 §5.1.1: what sets the tunnel up or keeps it open; what runs in it has flows of its own.
    sign("teredo", Tells::Hidden(Hidden::Teredo), |o| o.has_port(3544) && is_teredo(o.bytes)),
    sign("teamspeak", Tells::Name, |o| has(o, 0, b"TS3INIT1")),
    // Ping of Mumble servers: type 0 and an identifier.
    sign("mumble", Tells::Name, |o| o.to_port == 64738 && o.bytes.len() == 12 && has(o, 0, &[0; 4])),
    // Request to Telegram's call reflectors: a tag of the call, then twelve bytes of ones.
    sign("telegram", Tells::Name, |o| o.bytes.len() >= 32 && has(o, 16, &[0xff; 12]) && !has(o, 0, &[0xff; 4])),
    // BEP 5 (DHT).
    sign("bittorrent", Tells::Name, |o| has(o, 0, b"d1:ad2:id20:") || has(o, 0, b"d1:rd2:id20:")),
    sign("dropbox-lan", Tells::Name, |o| o.has_port(17500) && has(o, 0, b"{\"")),
    sign("spotify-connect", Tells::Name, |o| o.has_port(57621) && has(o, 0, b"SpotUdp0")),
];

static STREAMS: [Sign; 13] = [
    sign("ssh", Tells::Banner, |o| has(o, 0, b"SSH-2.0-") || has(o, 0, b"SSH-1.99-")),
    // RFC 9113 §3.4, without TLS.
    sign("http2", Tells::Clear, |o| has(o, 0, b"PRI * HTTP/2.0\r\n")),
    // RFC 2326 §6 and RFC 7826 §20.
    sign("rtsp", Tells::Clear, |o| {
        let first = o.bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        has(o, 0, b"RTSP/1.")
            || has(o, 0, b"RTSP/2.")
            || first.ends_with(b" RTSP/1.0\r")
            || first.ends_with(b" RTSP/2.0\r")
    }),
    // MQTT 3.1.1 and 5.0 §3.1: CONNECT with the protocol's name.
    sign("mqtt", Tells::Clear, |o| {
        has(o, 0, &[0x10]) && (2..=5).any(|at| has(o, at, b"\x00\x04MQTT") || has(o, at, b"\x00\x06MQIsdp"))
    }),
    // MS-SMB2 §2.1: length, then a magic value.
    sign("smb", Tells::Name, |o| matches!(o.bytes, [0, _, _, _, 0xfd..=0xff, b'S', b'M', b'B', ..])),
    // RFC 1002 §4.3.2: session request of two names.
    sign("netbios", Tells::Name, |o| o.has_port(139) && has(o, 0, &[0x81, 0, 0, 0x44])),
    // RFC 6143 §7.1.1.
    sign("vnc", Tells::Name, |o| has(o, 0, b"RFB 003.") || has(o, 0, b"RFB 004.")),
    sign("citrix", Tells::Name, |o| has(o, 0, &[0x7f, 0x7f, b'I', b'C', b'A', 0])),
    // RFC 2637 §2: message type and magic cookie.
    sign("pptp", Tells::Hidden(Hidden::Vpn), |o| has(o, 2, &[0, 1, 0x1a, 0x2b, 0x3c, 0x4d]) && is_length(o, 0)),
    sign("dnscrypt", Tells::Hidden(Hidden::Dnscrypt), |o| has(o, 2, b"r6fnvWj8")),
    sign("bittorrent", Tells::Name, |o| has(o, 0, b"\x13BitTorrent protocol")),
    // Adobe's RTMP §5.2: version 3, a time, four zeros.
    sign("rtmp", Tells::Clear, |o| o.to_port == 1935 && matches!(o.bytes, [3, ..]) && has(o, 5, &[0; 4])),
    // WhatsApp's chat: two letters, version.
    sign("whatsapp", Tells::Name, |o| {
        [5222, 443, 80].contains(&o.to_port) && matches!(o.bytes, [b'W', b'A', 1..=9, 0..=9, ..])
    }),
];

fn has(opening: &Opening<'_>, at: usize, magic: &[u8]) -> bool {
    opening.bytes.get(at..).is_some_and(|rest| rest.starts_with(magic))
}

/// Whether the 16-bit number at `at` is the length of the whole.
fn is_length(opening: &Opening<'_>, at: usize) -> bool {
    let mut cursor = Cursor::new(opening.bytes);
    cursor.skip(at).and_then(|()| cursor.u16()).is_some_and(|len| usize::from(len) == opening.bytes.len())
}

/// Whether a datagram is an IPv6 packet of its exact length, perhaps behind an authentication and an origin indication.
fn is_teredo(bytes: &[u8]) -> bool {
    let read = || {
        let mut cursor = Cursor::new(bytes);
        if bytes.starts_with(&[0, 1]) {
            cursor.skip(2)?;
            let (client, secret) = (cursor.u8()?, cursor.u8()?);
            cursor.skip(usize::from(client) + usize::from(secret) + 9)?;
        }
        if cursor.rest().starts_with(&[0, 0]) {
            cursor.skip(8)?;
        }
        cursor.u8().filter(|first| first >> 4 == 6)?;
        cursor.skip(3)?;
        let len = usize::from(cursor.u16()?);
        cursor.skip(34)?;
        (cursor.rest().len() == len).then_some(())
    };
    read().is_some()
}

pub(super) const UDP: Protocol = Protocol {
    name: "infrastructure over UDP",
    transport: TransportKind::Udp,
    specification: "see the table",
    probe: |opening| probe(&DATAGRAMS, opening),
    make: |opening| make(&DATAGRAMS, opening),
};

pub(super) const TCP: Protocol = Protocol {
    name: "infrastructure over TCP",
    transport: TransportKind::Tcp,
    specification: "see the table",
    probe: |opening| probe(&STREAMS, opening),
    make: |opening| make(&STREAMS, opening),
};

fn find(signs: &'static [Sign], opening: &Opening<'_>) -> Option<&'static Sign> {
    signs.iter().find(|sign| (sign.shows)(opening))
}

fn probe(signs: &'static [Sign], opening: &Opening<'_>) -> Probe {
    if find(signs, opening).is_some() { Probe::Yes } else { Probe::No }
}

fn make(signs: &'static [Sign], opening: &Opening<'_>) -> Box<dyn Dissector> {
    Box::new(Recognised { sign: find(signs, opening), banner: Vec::new() })
}

/// Says what it is and, with a banner, what software.
#[derive(Debug)]
struct Recognised {
    sign: Option<&'static Sign>,
    /// The banner's beginning, at most [`MAX_BANNER`] bytes.
    banner: Vec<u8>,
}

impl Dissector for Recognised {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Some(sign) = self.sign else { return Step::Done };
        let (Part::Bytes(bytes) | Part::Datagram(bytes)) = part else { return Step::Done };
        if self.banner.is_empty() {
            out.push(side, Fact::Speaks(sign.token));
        }
        match sign.tells {
            Tells::Name => {}
            Tells::Clear => out.push(side, Fact::Clear(sign.token)),
            Tells::Hidden(hidden) => out.push(side, Fact::Hidden(hidden)),
            Tells::Banner => return self.banner(side, bytes, out),
        }
        Step::Done
    }

    fn held(&self) -> usize {
        self.banner.len()
    }
}

impl Recognised {
    fn banner(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Step {
        let room = MAX_BANNER.saturating_sub(self.banner.len());
        self.banner.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        let end = self.banner.iter().position(|b| *b == b'\n');
        if end.is_none() && self.banner.len() < MAX_BANNER {
            return Step::More;
        }
        let line = self.banner.get(..end.unwrap_or(self.banner.len())).unwrap_or_default();
        out.push(side, Fact::Software(Text::from_wire(line.trim_ascii_end())));
        Step::Done
    }
}

#[cfg(test)]
mod tests;
