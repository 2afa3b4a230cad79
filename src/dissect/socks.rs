//! SOCKS 4, 4a and 5 (RFC 1928): who is asked for behind the proxy, and the tunnel to it.

use super::fact::{Fact, Facts, Hidden, NameSource};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Cursor, Fault, FaultKind, Layer, Pair, Side, Text, TransportKind};
use std::net::IpAddr;

/// Bytes held of one message: a request of SOCKS 4a with user and host, each of 255 bytes at most.
const MAX_MESSAGE: usize = 1024;

pub(super) const TCP: Protocol = Protocol {
    name: "socks",
    transport: TransportKind::Tcp,
    specification: "RFC 1928 (version 5), RFC 1929, SOCKS 4 and 4a",
    probe,
    make: |opening| Box::new(Socks { client: opening.side, stage: Stage::Greeting, held: Pair::default() }),
};

/// Both versions begin with few bytes; the whole opening must be one message and nothing else.
fn probe(opening: &Opening<'_>) -> Probe {
    match opening.bytes {
        // RFC 1928 §3: methods 0 to 9 are assigned, 0x80 to 0xfe private.
        [5, count @ 1..=10, methods @ ..] if methods.len() == usize::from(*count) => {
            let known = methods.iter().all(|method| matches!(method, 0..=9 | 0x80..=0xfe));
            if known { Probe::Yes } else { Probe::No }
        }
        [4, 1 | 2, ..] if version4(opening.bytes).is_some_and(|(_, len)| len == opening.bytes.len()) => Probe::Yes,
        [] | [4 | 5] => Probe::Maybe,
        _ => Probe::No,
    }
}

/// What comes next, and from whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Client: methods, or all of a request of version 4.
    Greeting,
    /// Server: the method chosen.
    Method,
    /// Client and server: user and password (RFC 1929).
    Password,
    Permission,
    /// Client: whom to connect to.
    Request,
    /// Server: done or refused.
    Reply,
    /// Server of version 4: the same.
    Reply4,
}

#[derive(Debug)]
struct Socks {
    client: Side,
    stage: Stage,
    held: Pair<Vec<u8>>,
}

impl Dissector for Socks {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Part::Bytes(bytes) = part else {
            return if matches!(part, Part::Gap(_)) { Step::Done } else { Step::More };
        };
        self.held[side].extend_from_slice(bytes);
        loop {
            let turn = match self.stage {
                Stage::Greeting | Stage::Password | Stage::Request => self.client,
                _ => self.client.other(),
            };
            let held = std::mem::take(&mut self.held[turn]);
            let Ok(message) = self.stage.read(&held) else {
                return Step::GiveUp(Fault::new(Layer::Application, FaultKind::Malformed, 0, "socks"));
            };
            let Some((next, len)) = message else {
                let full = held.len() > MAX_MESSAGE;
                self.held[turn] = held;
                return if full { Step::Done } else { Step::More };
            };
            self.tell(turn, held.get(..len).unwrap_or_default(), out);
            let rest = held.get(len..).unwrap_or_default();
            match next {
                Some(stage) => self.stage = stage,
                // What the server sent behind its consent came with this part, unless that was the client's.
                None if turn == side => return Step::Upgrade { rest: rest.len().min(bytes.len()) },
                None => return Step::Upgrade { rest: 0 },
            }
            self.held[turn] = rest.to_vec();
        }
    }

    fn held(&self) -> usize {
        self.held.iter().map(Vec::len).sum()
    }
}

impl Socks {
    fn tell(&self, side: Side, message: &[u8], out: &mut Facts) {
        let host = match self.stage {
            Stage::Request => version5(message).map(|(host, _)| host),
            Stage::Greeting => version4(message).map(|(host, _)| host),
            _ => None,
        };
        if let Some(host) = host {
            out.push(side, Fact::Speaks("socks"));
            out.push(side, Fact::Hidden(Hidden::Proxy));
            let how = NameSource::Greeting;
            match host {
                Host::Name(name) => out.push(side, Fact::Named { name: Text::host(name), how }),
                Host::Address(address) => {
                    let value = Text::from(address.to_string().as_str());
                    out.push(side, Fact::Detail { key: "socks-target", value });
                }
            }
        }
    }
}

/// The stage after a message, or none if the tunnel is open; and the bytes the message takes.
type Message = Option<(Option<Stage>, usize)>;

impl Stage {
    /// Reads the message that this stage waits for; `None` while it is incomplete.
    fn read(self, bytes: &[u8]) -> Result<Message, ()> {
        let [first, second, ref rest @ ..] = *bytes else { return Ok(None) };
        let whole = |len: usize, next: Option<Stage>| Ok((bytes.len() >= len).then_some((next, len)));
        match (self, first) {
            (Self::Greeting, 5) => whole(2 + usize::from(second), Some(Self::Method)),
            (Self::Greeting, 4) => Ok(version4(bytes).map(|(_, len)| (Some(Self::Reply4), len))),
            (Self::Method, 5) => match second {
                0 => whole(2, Some(Self::Request)),
                2 => whole(2, Some(Self::Password)),
                _ => Err(()),
            },
            (Self::Password, 1) => {
                let user = usize::from(second);
                let password = rest.get(user).copied().map(usize::from);
                password.map_or(Ok(None), |password| whole(3 + user + password, Some(Self::Permission)))
            }
            (Self::Permission, 1) if second == 0 => whole(2, Some(Self::Request)),
            (Self::Request, 5) => Ok(version5(bytes).map(|(_, len)| (Some(Self::Reply), len))),
            (Self::Reply, 5) if second == 0 => Ok(version5(bytes).map(|(_, len)| (None, len))),
            (Self::Reply4, 0) if second == 90 => whole(8, None),
            _ => Err(()),
        }
    }
}

/// Whom a proxy is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host<'a> {
    Name(&'a [u8]),
    Address(IpAddr),
}

/// Host and length of a request or reply of version 5, RFC 1928 §4 and §6.
fn version5(bytes: &[u8]) -> Option<(Host<'_>, usize)> {
    let mut cursor = Cursor::new(bytes);
    cursor.skip(3)?;
    let host = match cursor.u8()? {
        1 => Host::Address(cursor.array::<4>()?.into()),
        3 => Host::Name(cursor.vec8()?),
        4 => Host::Address(cursor.array::<16>()?.into()),
        _ => return None,
    };
    cursor.u16()?;
    Some((host, cursor.position()))
}

/// Host and length of a request of version 4 or, with an address 0.0.0.x, of version 4a.
fn version4(bytes: &[u8]) -> Option<(Host<'_>, usize)> {
    let mut cursor = Cursor::new(bytes);
    cursor.skip(4)?;
    let address: [u8; 4] = cursor.array()?;
    let mut text = || {
        let len = cursor.rest().iter().take(MAX_MESSAGE).position(|b| *b == 0)?;
        let text = cursor.take(len).filter(|text| text.iter().all(u8::is_ascii_graphic))?;
        cursor.skip(1)?;
        Some(text)
    };
    text()?;
    let host = match address {
        [0, 0, 0, last] if last != 0 => Host::Name(text()?),
        _ => Host::Address(address.into()),
    };
    Some((host, cursor.position()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{First, Second};
    use proptest::prelude::*;

    fn read(parts: &[(Side, &[u8])], cut: usize) -> (Vec<Fact>, Step) {
        let mut out = Facts::default();
        let mut socks = Socks { client: First, stage: Stage::Greeting, held: Pair::default() };
        for (side, bytes) in parts {
            let mut later = bytes.len();
            for piece in bytes.chunks(cut) {
                later -= piece.len();
                match socks.accept(*side, Part::Bytes(piece), &mut out) {
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

    fn named(name: &str) -> Vec<Fact> {
        let named = Fact::Named { name: name.into(), how: NameSource::Greeting };
        vec![Fact::Speaks("socks"), Fact::Hidden(Hidden::Proxy), named]
    }

    const REQUEST: &[u8] = b"\x05\x01\x00\x03\x0cCall.example\x01\xbb";
    const REPLY: &[u8] = b"\x05\x00\x00\x01\x00\x00\x00\x00\x01\xbb\x16\x03\x01";

    #[test]
    fn tunnels_open_and_say_where_to() {
        let plain = [(First, &b"\x05\x01\x00"[..]), (Second, b"\x05\x00"), (First, REQUEST), (Second, REPLY)];
        let password = [
            (First, &b"\x05\x02\x00\x02"[..]),
            (Second, b"\x05\x02"),
            (First, b"\x01\x02me\x03abc"),
            (Second, b"\x01\x00"),
            (First, REQUEST),
            (Second, REPLY),
        ];
        let version4a = [
            (First, &b"\x04\x01\x01\xbb\0\0\0\x01me\0Call.example\0"[..]),
            (Second, b"\0\x5a\0\0\0\0\0\0\x16\x03\x01"),
        ];
        for cut in 1..40 {
            let expected = (named("call.example"), Step::Upgrade { rest: 3 });
            assert_eq!(read(&plain, cut), expected, "{cut}");
            assert_eq!(read(&password, cut), expected, "{cut}");
            assert_eq!(read(&version4a, cut), expected, "{cut}");
        }
    }

    #[test]
    fn refusals_and_nonsense_end_it() {
        for parts in [
            vec![(First, &b"\x05\x01\x00"[..]), (Second, b"\x05\xff")],
            vec![(First, b"\x05\x01\x00"), (Second, b"HTTP/1.1 400 no")],
            vec![(First, b"\x04\x01\x01\xbb\x01\x02\x03\x04\0"), (Second, b"\0\x5b\0\0\0\0\0\0")],
        ] {
            assert!(matches!(read(&parts, 99).1, Step::GiveUp(_)));
        }
    }

    #[test]
    fn probes_take_whole_greetings_only() {
        for (bytes, expected) in [
            (&b"\x05\x01\x00"[..], Probe::Yes),
            (b"\x05\x02\x00\x02", Probe::Yes),
            (b"\x04\x01\x01\xbb\x01\x02\x03\x04\0", Probe::Yes),
            (b"\x05", Probe::Maybe),
            (b"\x05\x01\x00\x01", Probe::No),
            (b"\x05\x00\x0b\x03", Probe::No),
            (b"\x04\x01\x01\xbb\x01\x02\x03\x04\xff\0", Probe::No),
        ] {
            assert_eq!(probe(&Opening { bytes, side: First, from_port: 1, to_port: 2 }), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn hostile_bytes_never_panic(start in 4u8..=5, rest in prop::collection::vec(any::<u8>(), 0..60), answer in prop::collection::vec(any::<u8>(), 0..60)) {
            let bytes = [&[start][..], &rest].concat();
            probe(&Opening { bytes: &bytes, side: First, from_port: 1, to_port: 2 });
            read(&[(First, &bytes), (Second, &answer), (First, &bytes)], 7);
        }
    }
}
