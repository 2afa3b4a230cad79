//! SIP in the clear (RFC 3261): the domain asked for, the software, and where a session description sends media.

use super::fact::{Fact, Facts, NameSource};
use super::{Dissector, Opening, Part, Probe, Protocol, Step, sdp};
use crate::wire::{Pair, Side, Text, TransportKind};
use std::net::IpAddr;

/// Bytes of a message over TCP; a request with a session description has two or three thousand.
const MAX_MESSAGE: usize = 16 * 1024;
/// Messages read of one flow: a registration and some calls.
const MAX_MESSAGES: u16 = 64;
/// Different media lines that are told.
const MAX_MEDIA: usize = 8;
/// Bytes of a software name that are kept.
const MAX_SOFTWARE: usize = 256;

pub(super) const UDP: Protocol = Protocol {
    name: "sip",
    transport: TransportKind::Udp,
    specification: "RFC 3261, RFC 8866 (SDP)",
    probe,
    make: |_| Box::<Sip>::default(),
};

pub(super) const TCP: Protocol = Protocol { transport: TransportKind::Tcp, ..UDP };

fn probe(opening: &Opening<'_>) -> Probe {
    let first = opening.bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    if opening.bytes.starts_with(b"SIP/2.0 ") || target(first).is_some() { Probe::Yes } else { Probe::No }
}

/// The target of a request line, RFC 3261 §7.1.
fn target(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_end().strip_suffix(b" SIP/2.0")?;
    let space = line.iter().position(|b| *b == b' ').filter(|at| (3..=12).contains(at))?;
    let (method, target) = line.split_at(space);
    let target = target.get(1..)?;
    let scheme = [&b"sip:"[..], b"sips:", b"tel:"].iter().any(|scheme| target.starts_with(scheme));
    (scheme && method.iter().all(u8::is_ascii_uppercase)).then_some(target)
}

/// The host of a `sip:` address, without user, port and parameters.
fn host(target: &[u8]) -> Option<&[u8]> {
    let rest = target.strip_prefix(b"sip:").or_else(|| target.strip_prefix(b"sips:"))?;
    let rest = rest.rsplit(|b| *b == b'@').next()?;
    let host = match rest {
        [b'[', v6 @ ..] => v6.split(|b| *b == b']').next()?,
        _ => rest.split(|b| matches!(b, b':' | b';' | b'?' | b'>')).next()?,
    };
    (!host.is_empty()).then_some(host)
}

#[derive(Debug, Default)]
struct Sip {
    named: bool,
    messages: u16,
    software: Pair<bool>,
    last_name: Option<Text>,
    media: Vec<Text>,
    /// That keys are in the clear was told.
    keys: bool,
    /// The beginning of a message over TCP.
    held: Pair<Vec<u8>>,
}

impl Dissector for Sip {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        match part {
            Part::Datagram(message) => self.message(side, message, out),
            Part::Bytes(bytes) => return self.bytes(side, bytes, out),
            Part::Gap(_) => return Step::Done,
            Part::End => {}
        }
        if self.messages >= MAX_MESSAGES { Step::Done } else { Step::More }
    }

    fn held(&self) -> usize {
        self.held.iter().map(Vec::len).sum()
    }
}

impl Sip {
    /// Over TCP a message ends where its Content-Length says (RFC 3261 §18.3).
    fn bytes(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Step {
        let mut held = std::mem::take(&mut self.held[side]);
        held.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(rest) = held.get(at..).filter(|rest| !rest.is_empty()) {
            // Empty lines between messages keep the connection alive.
            if let [b'\r' | b'\n', ..] = rest {
                at += 1;
                continue;
            }
            let Some(top) = rest.windows(4).position(|w| w == b"\r\n\r\n").map(|end| end + 4) else { break };
            let length = fields(rest.get(..top).unwrap_or_default())
                .find(|(name, _)| is_field(name, b"content-length", b"l"))
                .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
            let Some(message) = rest.get(..top.saturating_add(length.unwrap_or(0))) else { break };
            at += message.len();
            self.message(side, message, out);
            if self.messages >= MAX_MESSAGES {
                return Step::Done;
            }
        }
        held.drain(..at);
        let full = held.len() > MAX_MESSAGE;
        self.held[side] = held;
        if full { Step::Done } else { Step::More }
    }

    fn message(&mut self, side: Side, message: &[u8], out: &mut Facts) {
        let first = message.split(|b| *b == b'\n').next().unwrap_or_default();
        let target = target(first);
        if target.is_none() && !first.starts_with(b"SIP/2.0 ") {
            return;
        }
        self.messages += 1;
        if !std::mem::replace(&mut self.named, true) {
            out.push(side, Fact::Speaks("sip"));
            out.push(side, Fact::Clear("sip"));
        }
        if let Some(name) = target.and_then(host).map(Text::host)
            && name.exact().parse::<IpAddr>().is_err()
            && self.last_name.as_ref() != Some(&name)
        {
            self.last_name = Some(name.clone());
            out.push(side, Fact::Named { name, how: NameSource::Greeting });
        }
        let software = fields(message).find(|(name, _)| is_field(name, b"user-agent", b"server"));
        if let Some((_, value)) = software.filter(|(_, value)| !value.is_empty() && value.len() <= MAX_SOFTWARE)
            && !std::mem::replace(&mut self.software[side], true)
        {
            out.push(side, Fact::Software(Text::from_wire(value)));
        }
        self.description(side, message, out);
    }

    /// What a session description says of media.
    fn description(&mut self, side: Side, message: &[u8], out: &mut Facts) {
        for media in sdp::read(message) {
            if media.keys && !std::mem::replace(&mut self.keys, true) {
                out.push(side, Fact::Clear("srtp-keys"));
            }
            let value = Text::from(media.to_string().as_str());
            if self.media.len() >= MAX_MEDIA || self.media.contains(&value) {
                continue;
            }
            self.media.push(value.clone());
            out.push(side, Fact::Detail { key: "sdp-media", value });
            if let Some(kind) = media.kind() {
                media.ends().for_each(|end| out.push(side, Fact::Announced { end, kind }));
            }
        }
    }
}

/// Header fields up to the empty line.
fn fields(message: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = message.split(|b| *b == b'\n').skip(1).map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty());
    lines.filter_map(|line| {
        let colon = line.iter().position(|b| *b == b':')?;
        Some((line.get(..colon)?.trim_ascii_end(), line.get(colon + 1..)?.trim_ascii_start()))
    })
}

fn is_field(name: &[u8], one: &[u8], other: &[u8]) -> bool {
    name.eq_ignore_ascii_case(one) || name.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::fact::MediaKind;
    use crate::wire::End;
    use Side::{First, Second};

    const INVITE: &[u8] = b"INVITE sip:bob@Example.net:5060;transport=udp SIP/2.0\r\nVia: x\r\nUser-Agent: phone 1\r\n\
        Content-Length: 63\r\n\r\nv=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nm=video 0 x\r\ns=1";
    const RINGING: &[u8] = b"SIP/2.0 180 Ringing\r\nServer: exchange\r\nl: 0\r\n\r\n";

    fn expected() -> Vec<Fact> {
        let detail = |text: &str| Fact::Detail { key: "sdp-media", value: text.into() };
        vec![
            Fact::Speaks("sip"),
            Fact::Clear("sip"),
            Fact::Named { name: "example.net".into(), how: NameSource::Greeting },
            Fact::Software("phone 1".into()),
            detail("audio at 192.0.2.1:4000 (RTP/AVP: PCMU)"),
            Fact::Announced { end: End { address: [192, 0, 2, 1].into(), port: 4000 }, kind: MediaKind::Audio },
            detail("video at 192.0.2.1:0 (x)"),
            Fact::Software("exchange".into()),
        ]
    }

    fn read<'a>(parts: impl IntoIterator<Item = (Side, Part<'a>)>) -> Vec<Fact> {
        let (mut sip, mut out) = (Sip::default(), Facts::default());
        for (side, part) in parts {
            assert_eq!(sip.accept(side, part, &mut out), Step::More);
        }
        out.0.into_iter().map(|(_, fact)| fact).collect()
    }

    #[test]
    fn calls_say_who_is_asked_and_where_media_goes() {
        assert_eq!(read([(First, Part::Datagram(INVITE)), (Second, Part::Datagram(RINGING))]), expected());
        let again = [(First, Part::Datagram(INVITE)), (Second, Part::Datagram(b"\r\n\r\n"))];
        assert_eq!(read(again), expected()[..7]);
    }

    #[test]
    fn same_facts_for_any_segmentation() {
        let client = [INVITE, b"\r\n\r\n", INVITE].concat();
        for cut in 1..client.len() {
            assert_eq!(read(client.chunks(cut).map(|piece| (First, Part::Bytes(piece)))), expected()[..7]);
        }
    }

    #[test]
    fn addresses_are_no_names() {
        for (line, name) in [
            (&b"REGISTER sip:sip.example SIP/2.0\r\n"[..], Some("sip.example")),
            (b"INVITE sip:1@192.0.2.1:5060 SIP/2.0\r\n", None),
            (b"INVITE sip:1@[2001:db8::1]:5060 SIP/2.0\r\n", None),
            (b"INVITE tel:+4930123 SIP/2.0\r\n", None),
            (b"INVITE sip: SIP/2.0\r\n", None),
        ] {
            let named = read([(First, Part::Datagram(line))]).into_iter().find_map(|fact| match fact {
                Fact::Named { name, .. } => Some(name),
                _ => None,
            });
            assert_eq!(named.as_ref().map(Text::exact), name);
        }
    }

    #[test]
    fn probes_and_prefixes() {
        for (bytes, expected) in [
            (INVITE, Probe::Yes),
            (RINGING, Probe::Yes),
            (b"GET / HTTP/1.1\r\n", Probe::No),
            (b"M-SEARCH * HTTP/1.1\r\n", Probe::No),
            (b"get sip:a SIP/2.0\r\n", Probe::No),
            (b"", Probe::No),
        ] {
            assert_eq!(probe(&Opening { bytes, side: First, from_port: 5060, to_port: 5060 }), expected);
        }
        for end in 0..INVITE.len() {
            read([(First, Part::Datagram(&INVITE[..end])), (First, Part::Bytes(&INVITE[..end]))]);
        }
    }
}
