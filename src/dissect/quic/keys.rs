//! Initial keys of QUIC: anyone who sees the client's first connection id can derive them (RFC 9001 §5.2), so reading
//! an Initial packet is no breaking of encryption. Versions, their salts and their packet numbering.

use ring::{aead, hkdf};

/// QUIC version 1 (RFC 9000).
pub const V1: u32 = 0x0000_0001;
/// QUIC version 2 (RFC 9369).
pub const V2: u32 = 0x6b33_43cf;
/// Google's versions that already encrypt their first packet: `Q050`, `T050`, `T051`.
pub const Q050: u32 = u32::from_be_bytes(*b"Q050");
pub const T050: u32 = u32::from_be_bytes(*b"T050");
pub const T051: u32 = u32::from_be_bytes(*b"T051");

/// Length in bytes of the authentication tag of AES-128-GCM.
pub const TAG: usize = 16;

/// How one version derives its Initial keys and numbers its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    salt: [u8; 20],
    /// RFC 9369 §3.3.2: version 2 has labels of its own.
    second: bool,
}

impl Scheme {
    const fn new(salt: [u8; 20]) -> Self {
        Self { salt, second: false }
    }

    /// The packet type of an Initial in bits 4 and 5 of the first byte (RFC 9369 §3.2 renumbers them).
    #[must_use]
    pub const fn initial_type(self) -> u8 {
        if self.second { 1 } else { 0 }
    }
}

/// draft-ietf-quic-tls-21 and -22.
const DRAFT_22: Scheme =
    Scheme::new(*b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a");
/// draft-ietf-quic-tls-23 to -28.
const DRAFT_23: Scheme =
    Scheme::new(*b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02");
/// draft-ietf-quic-tls-29 to -32.
const DRAFT_29: Scheme =
    Scheme::new(*b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99");
/// RFC 9001 §5.2; drafts 33 and 34 have the same.
const RFC_9001: Scheme =
    Scheme::new(*b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a");
/// RFC 9369 §3.3.1.
const RFC_9369: Scheme =
    Scheme { salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9", second: true };
const GOOGLE_Q050: Scheme =
    Scheme::new(*b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45");
const GOOGLE_T050: Scheme =
    Scheme::new(*b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10");
const GOOGLE_T051: Scheme =
    Scheme::new(*b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d");

/// Whether the frames in this version's packets are numbered as in Google QUIC.
#[must_use]
pub const fn has_google_frames(version: u32) -> bool {
    matches!(version, Q050 | T050 | T051)
}

/// Whether this is a version number reserved to force a negotiation (RFC 9000 §15).
#[must_use]
pub const fn is_reserved(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// The schemes that may open an Initial of this version, likeliest first; none for a version nobody has published.
#[must_use]
pub fn schemes(version: u32) -> &'static [Scheme] {
    match version {
        V1 | 0xff00_0021 | 0xff00_0022 => &[RFC_9001],
        V2 => &[RFC_9369],
        0xff00_001d..=0xff00_0020 => &[DRAFT_29],
        0xff00_0017..=0xff00_001c => &[DRAFT_23],
        0xff00_0015 | 0xff00_0016 | 0xface_b001 => &[DRAFT_22],
        // mvfst keeps its own numbers while it follows the drafts.
        0xface_b000..=0xface_b0ff => &[DRAFT_23, DRAFT_29, RFC_9001],
        Q050 => &[GOOGLE_Q050],
        T050 => &[GOOGLE_T050],
        T051 => &[GOOGLE_T051],
        // A client that forces a negotiation encrypts with the keys of a version it speaks.
        _ if is_reserved(version) => &[DRAFT_29, RFC_9001],
        _ => &[],
    }
}

/// The secrets that protect the Initial packets of one side (RFC 9001 §5.1): AEAD_AES_128_GCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialKeys {
    pub key: [u8; 16],
    pub iv: [u8; 12],
    /// Header protection key.
    pub hp: [u8; 16],
}

/// The keys of Initial packets sent by the client (`client`) or by the server. `dcid` is the destination connection id
/// of the client's first Initial, or of its first after a Retry. `None` for a version whose salt is not known.
#[must_use]
pub fn initial_keys(version: u32, dcid: &[u8], client: bool) -> Option<InitialKeys> {
    derive(*schemes(version).first()?, dcid, client)
}

/// As [`initial_keys`], for a scheme. `None` cannot happen for connection ids of a length that QUIC allows.
#[must_use]
pub fn derive(scheme: Scheme, dcid: &[u8], client: bool) -> Option<InitialKeys> {
    let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &scheme.salt).extract(dcid);
    let label: &[u8] = if client { b"\x00\x20\x0ftls13 client in\x00" } else { b"\x00\x20\x0ftls13 server in\x00" };
    let side: [u8; 32] = expand(&initial, label)?;
    let side = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &side);
    let [key, iv, hp]: [&[u8]; 3] = if scheme.second {
        [b"\x00\x10\x10tls13 quicv2 key\x00", b"\x00\x0c\x0ftls13 quicv2 iv\x00", b"\x00\x10\x0ftls13 quicv2 hp\x00"]
    } else {
        [b"\x00\x10\x0etls13 quic key\x00", b"\x00\x0c\x0dtls13 quic iv\x00", b"\x00\x10\x0dtls13 quic hp\x00"]
    };
    Some(InitialKeys { key: expand(&side, key)?, iv: expand(&side, iv)?, hp: expand(&side, hp)? })
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label (RFC 8446 §7.1). `label` is the whole HkdfLabel: the length asked for, the label with its length in
/// front, an empty context.
fn expand<const N: usize>(secret: &hkdf::Prk, label: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    secret.expand(&[label], Len(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// Ready-made ciphers of one side's Initial packets.
pub struct Opener {
    aead: aead::LessSafeKey,
    header: aead::quic::HeaderProtectionKey,
    iv: [u8; 12],
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

impl Opener {
    #[must_use]
    pub fn new(keys: &InitialKeys) -> Option<Self> {
        Some(Self {
            aead: aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &keys.key).ok()?),
            header: aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &keys.hp).ok()?,
            iv: keys.iv,
        })
    }

    /// Opens one packet (RFC 9001 §5.3, §5.4). `packet` runs from the first byte to the end of the payload that its
    /// Length field names; `pn_at` is the offset of the packet number. The answer is its frames. `None` unless the
    /// authentication tag verifies.
    #[must_use]
    pub fn open(&self, packet: &[u8], pn_at: usize) -> Option<Vec<u8>> {
        // The sample stands where the packet number would end if it had its greatest length of four bytes.
        let sample = packet.get(pn_at.checked_add(4)?..pn_at.checked_add(20)?)?;
        let [first_mask, pn_mask @ ..] = self.header.new_mask(sample).ok()?;
        let mut header: Vec<u8> = packet.get(..pn_at + 4)?.into();
        let first = header.first_mut()?;
        *first ^= first_mask & 0x0f;
        let pn_len = usize::from(*first & 3) + 1;
        header.truncate(pn_at + pn_len);
        let mut number: u64 = 0;
        for (byte, mask) in header.get_mut(pn_at..)?.iter_mut().zip(pn_mask) {
            *byte ^= mask;
            number = number << 8 | u64::from(*byte);
        }
        let mut nonce = self.iv;
        for (byte, part) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= part;
        }
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let mut body: Vec<u8> = packet.get(header.len()..)?.into();
        let plain = self.aead.open_in_place(nonce, aead::Aad::from(&header), &mut body).ok()?.len();
        body.truncate(plain);
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// RFC 9001 Appendix A.1 and RFC 9369 Appendix A.1.
    #[test]
    fn keys_are_those_of_the_specifications() {
        let dcid: [u8; 8] = hex("8394c8f03e515708");
        for (version, client, key, iv, hp) in [
            (
                V1,
                true,
                "1f369613dd76d5467730efcbe3b1a22d",
                "fa044b2f42a3fd3b46fb255c",
                "9f50449e04a0e810283a1e9933adedd2",
            ),
            (
                V1,
                false,
                "cf3a5331653c364c88f0f379b6067e37",
                "0ac1493ca1905853b0bba03e",
                "c206b8d9b9f0f37644430b490eeaa314",
            ),
            (
                V2,
                true,
                "8b1a0bc121284290a29e0971b5cd045d",
                "91f73e2351d8fa91660e909f",
                "45b95e15235d6f45a6b19cbcb0294ba9",
            ),
            (
                V2,
                false,
                "82db637861d55e1d011f19ea71d5d2a7",
                "dd13c276499c0249d3310652",
                "edf6d05c83121201b436e16877593c3a",
            ),
        ] {
            let keys = initial_keys(version, &dcid, client).unwrap();
            assert_eq!(keys, InitialKeys { key: hex(key), iv: hex(iv), hp: hex(hp) }, "{version:x} {client}");
        }
        assert_eq!(initial_keys(0x1234_5678, &dcid, true), None);
    }
}
