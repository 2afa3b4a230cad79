//! Tunnels whose inside is encrypted: WireGuard, OpenVPN, IPsec. Behind them neither names nor addresses can be seen.
//! They are called so only when question and answer fit together, or a counter goes on.

use super::fact::{Fact, Facts, Hidden};
use super::{Dissector, Part, Probe, Protocol, Step};
use crate::wire::{Cursor, Fault, FaultKind, Layer, Pair, Side, TransportKind};

/// Datagrams without certainty before a flow is given up.
const MAX_UNCERTAIN: u8 = 24;
/// Packets whose counter must go on, and the largest step for what was lost.
const ENOUGH: u8 = 4;
const MAX_STEP: u64 = 16;
/// IPsec through address translation, RFC 3948.
const NAT_TRAVERSAL: u16 = 4500;

pub(super) const WIREGUARD: Protocol = Protocol {
    name: "wireguard",
    transport: TransportKind::Udp,
    specification: "Donenfeld, WireGuard (NDSS 2017) §5.4",
    probe: |opening| yes_if(wireguard(opening.bytes).is_some()),
    make: |_| Box::<WireGuard>::default(),
};

pub(super) const OPENVPN: Protocol = Protocol {
    name: "openvpn",
    transport: TransportKind::Udp,
    specification: "draft-openvpn-wire-protocol",
    probe: |opening| yes_if(openvpn_hello(opening.bytes).is_some()),
    make: |_| Box::<OpenVpn>::default(),
};

pub(super) const IPSEC: Protocol = Protocol {
    name: "ipsec",
    transport: TransportKind::Udp,
    specification: "RFC 7296 (IKEv2), RFC 2409 (IKEv1), RFC 3948 (ESP in UDP)",
    probe: |opening| {
        let esp = opening.has_port(NAT_TRAVERSAL) && esp(opening.bytes).is_some();
        yes_if(ike_exchange(opening.bytes).is_some() || esp)
    },
    make: |_| Box::<Ipsec>::default(),
};

const fn yes_if(yes: bool) -> Probe {
    if yes { Probe::Yes } else { Probe::No }
}

/// Says that the flow is a tunnel, after which there is nothing more to learn.
fn tunnel(side: Side, token: &'static str, out: &mut Facts) -> Step {
    out.push(side, Fact::Speaks(token));
    out.push(side, Fact::Hidden(Hidden::Vpn));
    Step::Done
}

fn uncertain(seen: &mut u8, what: &'static str) -> Step {
    *seen += 1;
    if *seen >= MAX_UNCERTAIN {
        return Step::GiveUp(Fault::new(Layer::Application, FaultKind::Malformed, 0, what));
    }
    Step::More
}

/// A counter of encrypted packets on one channel.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    channel: u32,
    last: u64,
    run: u8,
}

impl Counted {
    /// Whether enough packets have followed each other.
    fn goes_on(&mut self, channel: u32, counter: u64) -> bool {
        let follows = channel == self.channel && (1..=MAX_STEP).contains(&counter.wrapping_sub(self.last));
        *self = Self { channel, last: counter, run: if follows { self.run + 1 } else { 1 } };
        self.run >= ENOUGH
    }
}

/// The messages of WireGuard, all numbers little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Initiation { sender: u32 },
    Response { receiver: u32 },
    Data { receiver: u32, counter: u64 },
}

fn wireguard(bytes: &[u8]) -> Option<Message> {
    let mut cursor = Cursor::new(bytes);
    let kind = cursor.array::<4>()?;
    let number = u32::from_le_bytes(cursor.array()?);
    match (kind, bytes.len()) {
        ([1, 0, 0, 0], 148) => Some(Message::Initiation { sender: number }),
        ([2, 0, 0, 0], 92) => Some(Message::Response { receiver: u32::from_le_bytes(cursor.array()?) }),
        // Content is padded to 16 bytes; header and tag are 32.
        ([4, 0, 0, 0], 32..) if bytes.len().is_multiple_of(16) => {
            Some(Message::Data { receiver: number, counter: u64::from_le_bytes(cursor.array()?) })
        }
        _ => None,
    }
}

#[derive(Debug, Default)]
struct WireGuard {
    initiation: Option<(Side, u32)>,
    data: Pair<Counted>,
    uncertain: u8,
}

impl Dissector for WireGuard {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Part::Datagram(bytes) = part else { return Step::More };
        let certain = match wireguard(bytes) {
            Some(Message::Initiation { sender }) => {
                self.initiation = Some((side, sender));
                // Without load on the server, the second authenticator is zero.
                bytes.ends_with(&[0; 16])
            }
            Some(Message::Response { receiver }) => self.initiation == Some((side.other(), receiver)),
            Some(Message::Data { receiver, counter }) => self.data[side].goes_on(receiver, counter),
            None => false,
        };
        if certain { tunnel(side, "wireguard", out) } else { uncertain(&mut self.uncertain, "wireguard") }
    }
}

/// The session number in OpenVPN's first packet (hard reset of client, version 2 or 3). The sizes are those without
/// authentication, with an HMAC of SHA-1, SHA-256 or SHA-512, and with tls-crypt.
fn openvpn_hello(bytes: &[u8]) -> Option<[u8; 8]> {
    let mut cursor = Cursor::new(bytes);
    cursor.u8().filter(|opcode| matches!(opcode, 0x38 | 0x50))?;
    let session = cursor.array().filter(|session| *session != [0; 8])?;
    let plain = bytes.len() == 14 && cursor.rest() == [0; 5];
    (plain || matches!(bytes.len(), 42 | 54 | 86)).then_some(session)
}

/// Whether this is the server's hard reset, which repeats the client's session number.
fn openvpn_answer(bytes: &[u8], session: [u8; 8]) -> bool {
    bytes.first() == Some(&0x40) && bytes.windows(8).skip(9).take(128).any(|w| w == session)
}

#[derive(Debug, Default)]
struct OpenVpn {
    session: Option<(Side, [u8; 8])>,
    uncertain: u8,
}

impl Dissector for OpenVpn {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Part::Datagram(bytes) = part else { return Step::More };
        if let Some(session) = openvpn_hello(bytes) {
            self.session = Some((side, session));
        } else if self.session.is_some_and(|(asker, session)| asker != side && openvpn_answer(bytes, session)) {
            return tunnel(side, "openvpn", out);
        }
        uncertain(&mut self.uncertain, "openvpn")
    }
}

/// The exchange type of an IKE message (RFC 7296 §3.1), with or without the marker of port 4500.
fn ike_exchange(bytes: &[u8]) -> Option<u8> {
    let bytes = bytes.strip_prefix(&[0; 4]).unwrap_or(bytes);
    let mut cursor = Cursor::new(bytes);
    cursor.u64().filter(|initiator| *initiator != 0)?;
    cursor.skip(8 + 1)?;
    let (version, exchange, _flags) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
    cursor.skip(4)?;
    let len = usize::try_from(cursor.u32()?).ok()?;
    let known = matches!((version, exchange), (0x20, 34..=38 | 43) | (0x10, 2..=6 | 32..=33));
    (known && len == bytes.len()).then_some(exchange)
}

/// Channel and counter of an ESP packet (RFC 4303 §2). Numbers below 256 are reserved.
fn esp(bytes: &[u8]) -> Option<(u32, u64)> {
    let mut cursor = Cursor::new(bytes);
    let channel = cursor.u32().filter(|channel| *channel >= 256)?;
    Some((channel, cursor.u32()?.into()))
}

#[derive(Debug, Default)]
struct Ipsec {
    named: bool,
    data: Pair<Counted>,
    uncertain: u8,
}

impl Dissector for Ipsec {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        let Part::Datagram(bytes) = part else { return Step::More };
        if let Some(exchange) = ike_exchange(bytes) {
            if !std::mem::replace(&mut self.named, true) {
                out.push(side, Fact::Speaks("ike"));
            }
            // From authentication (IKEv2) or quick mode (IKEv1) on there is a tunnel.
            if matches!(exchange, 35 | 36 | 32) {
                out.push(side, Fact::Hidden(Hidden::Vpn));
                return Step::Done;
            }
        } else if let Some((channel, counter)) = esp(bytes)
            && self.data[side].goes_on(channel, counter)
        {
            return tunnel(side, "esp", out);
        }
        uncertain(&mut self.uncertain, "ipsec")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::Opening;
    use Side::{First, Second};
    use proptest::prelude::*;

    fn read(mut dissector: impl Dissector, packets: &[(Side, Vec<u8>)]) -> (Vec<Fact>, Step) {
        let (mut out, mut step) = (Facts::default(), Step::More);
        for (side, packet) in packets {
            step = dissector.accept(*side, Part::Datagram(packet), &mut out);
            if step != Step::More {
                break;
            }
        }
        (out.0.into_iter().map(|(_, fact)| fact).collect(), step)
    }

    fn filled(start: &[u8], len: usize) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(len, 0x5a);
        bytes
    }

    fn is_tunnel(token: &'static str) -> (Vec<Fact>, Step) {
        (vec![Fact::Speaks(token), Fact::Hidden(Hidden::Vpn)], Step::Done)
    }

    #[test]
    fn wireguard_needs_an_answer_or_a_counter() {
        let initiation = filled(&[1, 0, 0, 0, 7, 7, 7, 7], 148);
        let response = |to| filled(&[2, 0, 0, 0, 9, 9, 9, 9, to, to, to, to], 92);
        let data = |n| filled(&[4, 0, 0, 0, 3, 3, 3, 3, n, 0, 0, 0, 0, 0, 0, 0], 96);
        let read = |packets: &[(Side, Vec<u8>)]| read(WireGuard::default(), packets);
        assert_eq!(read(&[(First, initiation.clone()), (Second, response(7))]), is_tunnel("wireguard"));
        assert_eq!(read(&[(First, initiation.clone()), (Second, response(8))]).0, []);
        assert_eq!(read(&[(First, initiation), (First, response(7))]).0, []);
        assert_eq!(read(&[1, 2, 3, 5].map(|n| (First, data(n)))), is_tunnel("wireguard"));
        assert_eq!(read(&[1, 9, 200, 5].map(|n| (First, data(n)))).0, []);
        let mut quiet = filled(&[1, 0, 0, 0, 7, 7, 7, 7], 132);
        quiet.resize(148, 0);
        assert_eq!(read(&[(First, quiet)]), is_tunnel("wireguard"));
        assert!(matches!(read(&vec![(First, vec![0; 50]); 30]).1, Step::GiveUp(_)));
    }

    #[test]
    fn openvpn_needs_an_answer() {
        let hello = [&[0x38][..], b"session!", &[0; 5]].concat();
        let answer = |id: &[u8]| [&[0x40][..], b"another!", &[1, 0, 0, 0, 0], id, &[0; 4]].concat();
        assert_eq!((OPENVPN.probe)(&Opening { bytes: &hello, side: First, from_port: 1, to_port: 2 }), Probe::Yes);
        let read = |packets: &[(Side, Vec<u8>)]| read(OpenVpn::default(), packets);
        assert_eq!(read(&[(First, hello.clone()), (Second, answer(b"session!"))]), is_tunnel("openvpn"));
        assert_eq!(read(&[(First, hello.clone()), (Second, answer(b"nonsense"))]).0, []);
        assert_eq!(read(&[(First, hello), (First, answer(b"session!"))]).0, []);
    }

    fn ike(exchange: u8) -> Vec<u8> {
        [&[7; 8][..], &[0; 8], &[33, 0x20, exchange, 8, 0, 0, 0, 0, 0, 0, 0, 32, 1, 2, 3, 4]].concat()
    }

    #[test]
    fn ipsec_is_a_tunnel_once_it_is_set_up() {
        let marked = [&[0; 4][..], &ike(35)].concat();
        let data = |n| filled(&[9, 9, 9, 9, 0, 0, 0, n], 60);
        let probe = |bytes: &[u8], to_port| (IPSEC.probe)(&Opening { bytes, side: First, from_port: 1, to_port });
        assert_eq!(
            (probe(&ike(34), 1), probe(&marked, 4500), probe(&marked[..35], 500)),
            (Probe::Yes, Probe::Yes, Probe::No)
        );
        assert_eq!(
            (probe(&data(1), 4500), probe(&data(1), 4501), probe(&[0xff], 4500)),
            (Probe::Yes, Probe::No, Probe::No)
        );
        let read = |packets: &[(Side, Vec<u8>)]| read(Ipsec::default(), packets);
        assert_eq!(read(&[(First, ike(34)), (Second, ike(34))]), (vec![Fact::Speaks("ike")], Step::More));
        let set_up = (vec![Fact::Speaks("ike"), Fact::Hidden(Hidden::Vpn)], Step::Done);
        assert_eq!(read(&[(First, ike(34)), (First, marked)]), set_up);
        assert_eq!(read(&[1, 2, 3, 4].map(|n| (First, data(n)))), is_tunnel("esp"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_datagrams_are_no_tunnel(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..160), 0..30)) {
            let packets: Vec<_> = packets.into_iter().map(|p| (First, p)).collect();
            prop_assert_eq!(read(WireGuard::default(), &packets).0, vec![]);
            prop_assert_eq!(read(OpenVpn::default(), &packets).0, vec![]);
            prop_assert_eq!(read(Ipsec::default(), &packets).0, vec![]);
        }
    }
}
