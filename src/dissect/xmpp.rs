//! XMPP (RFC 6120): the host a client or server asks for, and whether it goes over to TLS.

use super::fact::{Fact, Facts, NameSource};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Pair, Side, Text, TransportKind};

/// Bytes of a tag that are looked at; the rest is passed over to its end.
const MAX_TAG: usize = 2048;
/// Tags without decision after which nobody listens any more.
const MAX_TAGS: u32 = 200;
/// First byte of a TLS handshake record, which no XML begins with.
const TLS: u8 = 0x16;
/// What a stream begins with, after an optional XML declaration.
const STREAM: &[u8] = b"<stream:stream";
const DECLARATION: &[u8] = b"<?xml ";

pub(super) const TCP: Protocol = Protocol {
    name: "xmpp",
    transport: TransportKind::Tcp,
    specification: "RFC 6120 §4 (streams), §5 (STARTTLS)",
    probe,
    make: |_| Box::<Xmpp>::default(),
};

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.bytes;
    let on_port = [5222, 5269, 5280].into_iter().any(|port| opening.has_port(port));
    let starts = bytes.starts_with(STREAM) || bytes.starts_with(DECLARATION);
    if starts && (on_port || bytes.windows(STREAM.len()).any(|w| w == STREAM)) {
        Probe::Yes
    } else if starts || STREAM.starts_with(bytes) || DECLARATION.starts_with(bytes) {
        Probe::Maybe
    } else {
        Probe::No
    }
}

/// Reads tags until TLS or the first thing that tells of a person.
#[derive(Debug, Default)]
struct Xmpp {
    halves: Pair<Tag>,
    tags: u32,
    /// The side whose stream came first: the client.
    client: Option<Side>,
    asked: bool,
}

/// The tag a side is in the middle of, from its `<`.
#[derive(Debug, Default)]
struct Tag {
    /// At most [`MAX_TAG`] bytes of it; empty between tags.
    start: Vec<u8>,
}

impl Xmpp {
    fn bytes(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Step {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let tag = &mut self.halves[side].start;
            if tag.is_empty() {
                if first == TLS {
                    return Step::Upgrade { rest: rest.len() };
                }
                let Some(start) = rest.iter().position(|b| *b == b'<') else { break };
                rest = rest.get(start..).unwrap_or_default();
            }
            let end = rest.iter().position(|b| *b == b'>');
            let (now, later) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            let room = MAX_TAG.saturating_sub(tag.len());
            tag.extend_from_slice(now.get(..now.len().min(room)).unwrap_or_default());
            rest = later;
            if end.is_some() {
                let tag = std::mem::take(tag);
                let step = self.tag(side, &tag, rest.len(), out);
                if step != Step::More {
                    return step;
                }
            }
        }
        Step::More
    }

    fn tag(&mut self, side: Side, tag: &[u8], rest: usize, out: &mut Facts) -> Step {
        self.tags += 1;
        let name = tag.get(1..).unwrap_or_default();
        let name = name.split(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/')).next().unwrap_or_default();
        match name {
            b"stream:stream" if self.client.is_none() => {
                self.client = Some(side);
                out.push(side, Fact::Speaks("xmpp"));
                if let Some(host) = attribute(tag, b"to") {
                    out.push(side, Fact::Named { name: Text::host(host), how: NameSource::Greeting });
                }
            }
            b"starttls" if self.client == Some(side) => self.asked = true,
            b"proceed" if self.asked && self.client != Some(side) => return Step::Upgrade { rest },
            b"auth" | b"response" | b"iq" | b"message" | b"presence" | b"db:result" if self.client.is_some() => {
                out.push(side, Fact::Clear("xmpp"));
                return Step::Done;
            }
            _ => {}
        }
        if self.tags >= MAX_TAGS { Step::Done } else { Step::More }
    }
}

impl Dissector for Xmpp {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        match part {
            Part::Bytes(bytes) => self.bytes(side, bytes, out),
            Part::Gap(_) => {
                self.halves[side].start.clear();
                Step::More
            }
            Part::Datagram(_) | Part::End => Step::More,
        }
    }

    fn held(&self) -> usize {
        self.halves.iter().map(|tag| tag.start.len()).sum()
    }
}

/// The value of an attribute of a tag.
fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let starts = |at: usize| {
        let rest = tag.get(at..)?.strip_prefix(name)?.strip_prefix(b"=")?;
        let (quote, value) = rest.split_first().filter(|(q, _)| matches!(q, b'\'' | b'"'))?;
        value.split(|b| b == quote).next()
    };
    let spaces = tag.iter().enumerate().filter(|(_, b)| b.is_ascii_whitespace());
    spaces.filter_map(|(at, _)| starts(at + 1)).find(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{First, Second};

    const OPEN: &[u8] =
        b"<?xml version='1.0'?><stream:stream xmlns:stream='s' from='me' to='Chat.example.' version='1.0'>";
    const FEATURES: &[u8] = b"<?xml version='1.0'?><stream:stream from='x' to='y'><stream:features><starttls/>";

    fn read(parts: &[(Side, &[u8])], step_by: usize) -> (Vec<Fact>, Step) {
        let (mut xmpp, mut out) = (Xmpp::default(), Facts::default());
        for (side, bytes) in parts {
            let mut later = bytes.len();
            for piece in bytes.chunks(step_by) {
                later -= piece.len();
                match xmpp.accept(*side, Part::Bytes(piece), &mut out) {
                    Step::More => {}
                    Step::Upgrade { rest } => return (told(out), Step::Upgrade { rest: rest + later }),
                    step => return (told(out), step),
                }
            }
        }
        (told(out), Step::More)
    }

    fn told(out: Facts) -> Vec<Fact> {
        out.0.into_iter().map(|(_, fact)| fact).collect()
    }

    #[test]
    fn a_stream_names_its_host_and_goes_over_to_tls() {
        let named = Fact::Named { name: "chat.example".into(), how: NameSource::Greeting };
        let hello = b"<proceed xmlns='t'/>\x16\x03\x01";
        let agreed = [(First, OPEN), (Second, FEATURES), (First, b"<starttls xmlns='t'/>"), (Second, hello)];
        let one_sided = [(First, OPEN), (First, &b"<starttls/>"[..]), (First, b"\x16\x03\x01")];
        for step_by in 1..200 {
            let expected = (vec![Fact::Speaks("xmpp"), named.clone()], Step::Upgrade { rest: 3 });
            assert_eq!(read(&agreed, step_by), expected);
            assert_eq!(read(&one_sided, step_by), expected);
        }
    }

    #[test]
    fn people_in_the_clear_are_noticed() {
        let parts = [(First, OPEN), (Second, FEATURES), (First, &b"<auth mechanism='PLAIN'>AG1l</auth>"[..])];
        let (facts, step) = read(&parts, 1000);
        assert_eq!((facts.last(), step), (Some(&Fact::Clear("xmpp")), Step::Done));
    }

    #[test]
    fn long_tags_and_hostile_bytes_are_survived() {
        let long = [b"<stream:stream x='", &[b'a'; 5000][..], b"' to='b'><iq>"].concat();
        assert_eq!(read(&[(First, &long)], 999).1, Step::Done);
        for bytes in [
            &b"<"[..],
            b"<>",
            b"<stream:stream to=>",
            b"<stream:stream to='",
            b"<stream:stream to=\"a'>",
            b"\xff<\x00>",
        ] {
            assert_eq!(read(&[(First, bytes)], 1).1, Step::More);
        }
    }

    #[test]
    fn probes_want_a_stream() {
        for (bytes, port, expected) in [
            (OPEN, 1, Probe::Yes),
            (&OPEN[..21], 5222, Probe::Yes),
            (&OPEN[..21], 1, Probe::Maybe),
            (b"<stre", 1, Probe::Maybe),
            (b"<iq to='a'>", 5222, Probe::No),
            (b"<html>", 80, Probe::No),
        ] {
            assert_eq!(probe(&Opening { bytes, side: First, from_port: 9, to_port: port }), expected);
        }
    }
}
