//! Databases, directories and remote desktops: binary protocols that go over to TLS after one question and one answer.

use super::fact::{Fact, Facts};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Cursor, Fault, FaultKind, Layer, Pair, Side, Text, TransportKind};

/// Bytes of a message: MySQL's greeting and an LDAP request stay far below.
const MAX_MESSAGE: usize = 1024;

pub(super) const TCP: Protocol = Protocol {
    name: "negotiated TLS",
    transport: TransportKind::Tcp,
    specification: "PostgreSQL 17 §53.2.11, MySQL protocol (SSLRequest), RFC 4511 §4.14 (LDAP), MS-RDPBCGR §5.4",
    probe,
    make: |opening| {
        let language = find(opening).unwrap_or(&POSTGRESQL);
        let client = if language.server_first { opening.side.other() } else { opening.side };
        Box::new(Exchange { language, client, held: Pair::default(), asked: false, named: false })
    },
};

/// One of the protocols.
#[derive(Debug)]
struct Language {
    token: &'static str,
    server_first: bool,
    /// Reads the message at the front of what the client or, with `false`, the server sent.
    hear: fn(&[u8], bool) -> Heard,
}

/// What a message means; with its length.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    /// It is incomplete.
    Part,
    /// A server introduces itself.
    Greeting(usize, Text),
    /// The client asks for TLS.
    Question(usize),
    /// Both sides speak TLS after this; it counts only behind a question, or from a client.
    Consent(usize),
    /// A refusal, or something that says nothing of TLS.
    Other(usize),
    /// Content in the clear.
    Clear,
    Nonsense,
}

static POSTGRESQL: Language = Language { token: "postgresql", server_first: false, hear: postgresql };

static OTHERS: [Language; 3] = [
    Language { token: "mysql", server_first: true, hear: mysql },
    Language { token: "ldap", server_first: false, hear: ldap },
    Language { token: "rdp", server_first: false, hear: rdp },
];

fn find(opening: &Opening<'_>) -> Option<&'static Language> {
    std::iter::once(&POSTGRESQL).chain(&OTHERS).find(|language| {
        let heard = (language.hear)(opening.bytes, !language.server_first);
        matches!(heard, Heard::Greeting(..) | Heard::Question(_) | Heard::Clear)
    })
}

fn probe(opening: &Opening<'_>) -> Probe {
    if find(opening).is_some() { Probe::Yes } else { Probe::No }
}

/// SSLRequest is eight fixed bytes; one letter answers it.
fn postgresql(bytes: &[u8], by_client: bool) -> Heard {
    match (by_client, bytes) {
        (true, [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f, ..]) => Heard::Question(8),
        (true, [0, 0, _, _, 0, 3, 0, 0, b'u', b's', b'e', b'r', 0, ..]) => Heard::Clear,
        (true, [0, ..]) if bytes.len() < 13 => Heard::Part,
        (false, [b'S', ..]) => Heard::Consent(1),
        (false, [b'N', ..]) => Heard::Other(1),
        _ => Heard::Nonsense,
    }
}

/// Packets have their length in three bytes, little-endian, and a number. Capability 0x800 asks for TLS, and TLS begins
/// without an answer.
fn mysql(bytes: &[u8], by_client: bool) -> Heard {
    let [a, b, 0, number, ref body @ ..] = *bytes else {
        return if bytes.len() < 4 { Heard::Part } else { Heard::Nonsense };
    };
    let Some(body) = body.get(..usize::from(u16::from_le_bytes([a, b]))) else { return Heard::Part };
    let len = 4 + body.len();
    match (by_client, number, body) {
        (false, 0, [10, version @ ..]) if version.first().is_some_and(u8::is_ascii_digit) => {
            let version = version.split(|b| *b == 0).next().unwrap_or_default();
            if version.iter().all(u8::is_ascii_graphic) {
                Heard::Greeting(len, Text::from_wire(version))
            } else {
                Heard::Nonsense
            }
        }
        (true, 1, [_, high, ..]) if body.len() == 32 && high & 0x08 != 0 => Heard::Consent(len),
        (true, 1, _) if body.len() > 32 => Heard::Clear,
        _ => Heard::Nonsense,
    }
}

/// StartTLS is an extended request with a fixed identifier; a bind in the clear carries name and password.
fn ldap(bytes: &[u8], by_client: bool) -> Heard {
    let mut cursor = Cursor::new(bytes);
    let mut read = || {
        cursor.u8().filter(|tag| *tag == 0x30)?;
        let len = match cursor.u8()? {
            0x81 => usize::from(cursor.u8()?),
            0x82 => usize::from(cursor.u16()?),
            0x84 => usize::try_from(cursor.u32()?).ok()?,
            short @ 0..=0x7f => short.into(),
            _ => return None,
        };
        Some((len, cursor.position()))
    };
    let Some((len, start)) = read() else {
        return if bytes.len() < 6 && bytes.first().is_none_or(|tag| *tag == 0x30) {
            Heard::Part
        } else {
            Heard::Nonsense
        };
    };
    let Some(body) = bytes.get(start..start.saturating_add(len)) else {
        return if len < MAX_MESSAGE { Heard::Part } else { Heard::Nonsense };
    };
    let (len, operation) = match body {
        [2, 1, _, rest @ ..] | [2, 2, _, _, rest @ ..] => (start + len, rest),
        _ => return Heard::Nonsense,
    };
    let starts_tls = operation.windows(22).any(|w| w == b"1.3.6.1.4.1.1466.20037");
    match (by_client, operation.first()) {
        (true, Some(0x77)) if starts_tls => Heard::Question(len),
        (true, Some(0x60)) if is_simple_bind(operation) => Heard::Clear,
        (false, Some(0x78)) if operation.windows(3).any(|w| w == [10, 1, 0]) => Heard::Consent(len),
        (true, Some(0x60)) | (false, Some(0x78)) => Heard::Other(len),
        _ => Heard::Nonsense,
    }
}

/// Version, name, and the password itself (context tag 0) instead of a SASL exchange, RFC 4511 §4.2.
fn is_simple_bind(operation: &[u8]) -> bool {
    let mut cursor = Cursor::new(operation);
    let mut choice = || {
        cursor.skip(2 + 3)?;
        cursor.u8().filter(|tag| *tag == 4)?;
        cursor.vec8()?;
        cursor.u8()
    };
    choice() == Some(0x80)
}

/// TPKT, then an X.224 connection request or confirm; the last four bytes of the confirm choose the protocol.
fn rdp(bytes: &[u8], by_client: bool) -> Heard {
    let [3, 0, high, low, rest @ ..] = bytes else {
        return if bytes.len() < 4 && [3, 0].starts_with(bytes.get(..bytes.len().min(2)).unwrap_or_default()) {
            Heard::Part
        } else {
            Heard::Nonsense
        };
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    let Some(body) = rest.get(..len.saturating_sub(4)) else { return Heard::Part };
    match (by_client, body) {
        (true, [indicator, 0xe0, 0, 0, ..]) if usize::from(*indicator) + 5 == len => Heard::Question(len),
        (false, [_, 0xd0, .., 2, _, 8, 0, 1..=0x0f, 0, 0, 0]) => Heard::Consent(len),
        (false, [_, 0xd0, ..]) => Heard::Other(len),
        _ => Heard::Nonsense,
    }
}

#[derive(Debug)]
struct Exchange {
    language: &'static Language,
    client: Side,
    held: Pair<Vec<u8>>,
    asked: bool,
    named: bool,
}

impl Dissector for Exchange {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Part::Bytes(bytes) = part else {
            return if matches!(part, Part::Gap(_)) { Step::Done } else { Step::More };
        };
        let mut held = std::mem::take(&mut self.held[side]);
        held.extend_from_slice(bytes);
        let by_client = side == self.client;
        let heard = (self.language.hear)(&held, by_client);
        if !matches!(heard, Heard::Part | Heard::Nonsense) && !std::mem::replace(&mut self.named, true) {
            out.push(side, Fact::Speaks(self.language.token));
        }
        let taken = match heard {
            Heard::Part if held.len() <= MAX_MESSAGE => 0,
            Heard::Greeting(len, software) => {
                out.push(side, Fact::Software(software));
                len
            }
            Heard::Question(len) => {
                self.asked = true;
                len
            }
            Heard::Consent(len) if self.asked || by_client => {
                return Step::Upgrade { rest: held.len().saturating_sub(len).min(bytes.len()) };
            }
            Heard::Other(len) => len,
            Heard::Clear => {
                out.push(side, Fact::Clear(self.language.token));
                return Step::Done;
            }
            // The answer to the question was not captured: TLS shows what it was.
            Heard::Nonsense if self.asked && held.first() == Some(&0x16) => {
                return Step::Upgrade { rest: held.len().min(bytes.len()) };
            }
            Heard::Part | Heard::Consent(_) | Heard::Nonsense => {
                return Step::GiveUp(Fault::new(Layer::Application, FaultKind::Malformed, 0, self.language.token));
            }
        };
        held.drain(..taken.min(held.len()));
        self.held[side] = held;
        Step::More
    }

    fn held(&self) -> usize {
        self.held.iter().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{First, Second};
    use proptest::prelude::*;

    const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    const GREETING: &[u8] = b"\x0b\0\0\0\x0a8.4.1\0abcd";
    const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    const AGREED: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x16\x03";
    const DESKTOP: &[u8] = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";
    const CONFIRM: &[u8] = b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0\x16\x03";

    fn ssl_request() -> Vec<u8> {
        [b"\x20\0\0\x01\x05\xae", &[0; 30][..], b"\x16\x03"].concat()
    }

    fn read(parts: &[(Side, &[u8])], cut: usize) -> (Vec<Fact>, Step) {
        let mut out = Facts::default();
        let (side, bytes) = parts[0];
        let opening = Opening { bytes, side, from_port: 1, to_port: 2 };
        assert_eq!(probe(&opening), Probe::Yes);
        let mut reader = (TCP.make)(&opening);
        for (side, bytes) in parts {
            let mut later = bytes.len();
            for piece in bytes.chunks(cut) {
                later -= piece.len();
                match reader.accept(*side, Part::Bytes(piece), &mut out) {
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
    fn each_goes_over_to_tls() {
        let upgrade = Step::Upgrade { rest: 2 };
        for cut in 1..40 {
            let postgresql = [(First, SSL_REQUEST), (Second, &b"S\x16\x03"[..])];
            assert_eq!(read(&postgresql, cut), (vec![Fact::Speaks("postgresql")], upgrade));
            let facts = vec![Fact::Speaks("mysql"), Fact::Software("8.4.1".into())];
            assert_eq!(read(&[(Second, GREETING), (First, &ssl_request())], cut), (facts, upgrade));
            assert_eq!(read(&[(First, START_TLS), (Second, AGREED)], cut), (vec![Fact::Speaks("ldap")], upgrade));
            assert_eq!(read(&[(First, DESKTOP), (Second, CONFIRM)], cut), (vec![Fact::Speaks("rdp")], upgrade));
            let one_sided = [(First, SSL_REQUEST), (First, &b"\x16\x03"[..])];
            assert!(matches!(read(&one_sided, cut).1, Step::Upgrade { .. }));
        }
    }

    #[test]
    fn what_stays_in_the_clear_is_noticed() {
        let login = [&[40, 0, 0, 1, 0x05, 0xa6][..], &[0; 38]].concat();
        let startup = b"\0\0\0\x20\0\x03\0\0user\0me\0";
        let bind = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00";
        for (parts, token) in [
            (vec![(Second, GREETING), (First, &login[..])], "mysql"),
            (vec![(First, SSL_REQUEST), (Second, b"N"), (First, &startup[..])], "postgresql"),
            (vec![(First, &bind[..])], "ldap"),
        ] {
            let (facts, step) = read(&parts, 999);
            assert_eq!((facts.last(), step), (Some(&Fact::Clear(token)), Step::Done));
        }
        assert!(matches!(read(&[(First, SSL_REQUEST), (Second, b"HTTP/1.1")], 999).1, Step::GiveUp(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damage_never_panics(which in 0usize..4, at: u16, byte: u8, end: u16) {
            let whole = [SSL_REQUEST, GREETING, START_TLS, DESKTOP][which];
            let mut bytes = whole.to_vec();
            let index = usize::from(at) % bytes.len();
            bytes[index] = byte;
            bytes.truncate(usize::from(end) % (bytes.len() + 1));
            probe(&Opening { bytes: &bytes, side: First, from_port: 1, to_port: 2 });
            let opening = Opening { bytes: whole, side: First, from_port: 1, to_port: 2 };
            let (mut reader, mut out) = ((TCP.make)(&opening), Facts::default());
            reader.accept(First, Part::Bytes(&bytes), &mut out);
            reader.accept(Second, Part::Bytes(&bytes), &mut out);
        }

        #[test]
        fn random_bytes_are_nothing(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let opening = Opening { bytes: &bytes, side: First, from_port: 1, to_port: 2 };
            prop_assert_eq!(probe(&opening), Probe::No);
        }
    }
}
