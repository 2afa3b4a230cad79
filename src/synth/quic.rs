//! QUIC connections up to the hello: Initial packets that are really sealed, then packets that nobody can read.

use super::{Bytes, Random};
use crate::dissect::quic::keys::{InitialKeys, Scheme, derive, schemes};
use crate::wire::{Pair, Side};
use ring::aead;

/// A datagram with an Initial is at least so long (RFC 9000 §14.1).
const DATAGRAM: usize = 1200;
/// CRYPTO bytes put into one Initial: leaves room for header, frame headers and tag in [`DATAGRAM`].
const CRYPTO: usize = 1100;
/// Packet numbers are written with two bytes.
const PACKET_NUMBER: usize = 2;
const TAG: usize = 16;

/// One connection. Version 1 has RFC 9000's packet types, version 2 those of RFC 9369.
#[derive(Debug, Clone)]
pub struct Quic {
    version: u32,
    scheme: Scheme,
    /// Connection ids: of the client's first packet, and the one that the server chooses.
    first: Vec<u8>,
    own: Pair<Vec<u8>>,
    keys: Pair<InitialKeys>,
    next: Pair<u16>,
}

impl Quic {
    /// `None` for a version whose Initial keys nobody has published.
    #[must_use]
    pub fn new(version: u32, random: &mut Random) -> Option<Self> {
        let first = random.array::<8>().to_vec();
        let scheme = *schemes(version).first()?;
        let keys = Pair::new(derive(scheme, &first, true)?, derive(scheme, &first, false)?);
        let own = Pair::new(Vec::new(), random.array::<8>().to_vec());
        Some(Self { version, scheme, first, own, keys, next: Pair::default() })
    }

    /// The client's ClientHello in as many datagrams as it needs. `scattered` sends it as Chrome does: in several
    /// CRYPTO frames per packet, out of order, with PING and PADDING between them.
    pub fn client_hello(&mut self, hello: &[u8], scattered: bool) -> Vec<Vec<u8>> {
        let destination = self.first.clone();
        let mut datagrams: Vec<Vec<u8>> = Vec::new();
        for (n, part) in hello.chunks(CRYPTO).enumerate() {
            let start = n * CRYPTO;
            let size = if scattered { part.len().div_ceil(3).max(1) } else { CRYPTO };
            let mut pieces: Vec<(usize, &[u8])> =
                part.chunks(size).enumerate().map(|(i, piece)| (start + i * size, piece)).collect();
            if scattered {
                pieces.reverse();
            }
            let mut frames = Bytes::new();
            for (offset, piece) in pieces {
                crypto(&mut frames, offset, piece);
                if scattered {
                    frames.u8(1).u8(0).u8(0);
                }
            }
            datagrams.push(self.initial(Side::First, &destination, frames, DATAGRAM));
        }
        datagrams
    }

    /// The server's first datagram: an Initial with its ServerHello, and a Handshake packet that nobody can open.
    pub fn server_hello(&mut self, hello: &[u8], random: &mut Random) -> Vec<u8> {
        let mut frames = Bytes::new();
        // ACK of packet 0.
        frames.put(&[2, 0, 0, 0, 0]);
        crypto(&mut frames, 0, hello);
        let destination = self.own[Side::First].clone();
        let mut datagram = Bytes(self.initial(Side::Second, &destination, frames, 0));
        let handshake_type = if self.scheme.initial_type() == 0 { 2 } else { 3 };
        let rest = DATAGRAM.saturating_sub(datagram.0.len() + 24).max(40);
        datagram.u8(0xc0 | handshake_type << 4 | 1).u32(self.version).vec8(|v| {
            v.put(&destination);
        });
        datagram.vec8(|v| {
            v.put(&self.own[Side::Second]);
        });
        datagram.u16(0x4000 | rest as u16).put(&random.bytes(rest));
        datagram.0
    }

    /// A packet of the established connection, `len` bytes in all.
    pub fn packet(&mut self, from: Side, len: usize, random: &mut Random) -> Vec<u8> {
        let mut packet = Bytes::new();
        packet.u8(0x40 | random.next() as u8 & 0x3f).put(&self.own[from.other()]);
        let rest = len.saturating_sub(packet.0.len()).max(21);
        packet.put(&random.bytes(rest));
        packet.0
    }

    /// One Initial packet, padded so that the datagram has `at_least` bytes.
    fn initial(&mut self, from: Side, destination: &[u8], mut frames: Bytes, at_least: usize) -> Vec<u8> {
        let number = self.next[from];
        self.next[from] = number.wrapping_add(1);
        let mut packet = Bytes::new();
        packet.u8(0xc0 | self.scheme.initial_type() << 4 | (PACKET_NUMBER as u8 - 1)).u32(self.version);
        packet.vec8(|v| {
            v.put(destination);
        });
        packet.vec8(|v| {
            v.put(&self.own[from]);
        });
        packet.u8(0);
        let header = packet.0.len() + 2 + PACKET_NUMBER;
        // PADDING frames are zeros (RFC 9000 §19.1).
        let padded = at_least.saturating_sub(header + TAG).max(frames.0.len());
        frames.0.resize(padded, 0);
        packet.u16(0x4000 | (PACKET_NUMBER + padded + TAG) as u16);
        let number_at = packet.0.len();
        packet.u16(number);
        seal(&self.keys[from], packet.0, number_at, u64::from(number), frames.0).unwrap_or_default()
    }
}

/// CRYPTO frame with two-byte variable-length integers (RFC 9000 §19.6, §16).
fn crypto(frames: &mut Bytes, offset: usize, bytes: &[u8]) {
    frames.u8(6).u16(0x4000 | offset as u16).u16(0x4000 | bytes.len() as u16).put(bytes);
}

/// Packet and header protection (RFC 9001 §5.3, §5.4).
fn seal(keys: &InitialKeys, header: Vec<u8>, number_at: usize, number: u64, mut body: Vec<u8>) -> Option<Vec<u8>> {
    let mut nonce = keys.iv;
    for (byte, part) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
        *byte ^= part;
    }
    let cipher = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &keys.key).ok()?);
    let nonce = aead::Nonce::assume_unique_for_key(nonce);
    cipher.seal_in_place_append_tag(nonce, aead::Aad::from(&header), &mut body).ok()?;
    let mut packet = header;
    packet.append(&mut body);
    let mask_key = aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &keys.hp).ok()?;
    let [first_mask, mask @ ..] = mask_key.new_mask(packet.get(number_at + 4..number_at + 20)?).ok()?;
    *packet.first_mut()? ^= first_mask & 0x0f;
    for (byte, mask) in packet.get_mut(number_at..number_at + PACKET_NUMBER)?.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    Some(packet)
}
