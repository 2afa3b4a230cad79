//! Google QUIC, before there was an RFC: its first packet came in the clear (Q025 to Q046) or sealed like an Initial
//! (Q050), and held a message of tags, `CHLO`, with the server's name. Extinct in the wild; found in older captures.

use crate::wire::Cursor;

/// What a `CHLO` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoogleHello<'a> {
    /// The version as four letters read as a number, for instance `Q046`.
    pub version: u32,
    pub server_name: Option<&'a [u8]>,
    /// The client software's own words about itself (tag `UAID`).
    pub user_agent: Option<&'a [u8]>,
}

/// Length in bytes of the hash in front of an unencrypted packet.
const HASH: usize = 12;
/// Most tags of a message that are walked over; clients send about thirty.
const MAX_TAGS: u16 = 128;

/// `Q0` and two digits, as a number from 0 to 99.
fn generation(version: u32) -> Option<u8> {
    match version.to_be_bytes() {
        [b'Q', b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
        _ => None,
    }
}

/// Reads the first packet of a client that sends it in the clear. The shape of the header, the packet's hash and the
/// tag `CHLO` must all be right.
#[must_use]
pub fn client_hello(datagram: &[u8]) -> Option<GoogleHello<'_>> {
    let (version, header) = public_header(datagram)?;
    let (header, rest) = datagram.split_at_checked(header)?;
    let (hash, plain) = rest.split_at_checked(HASH)?;
    let generation = generation(version)?;
    if fnv(header, plain, generation) != hash {
        return None;
    }
    let mut c = Cursor::new(plain);
    if generation < 34 {
        // Private flags.
        c.skip(1)?;
    }
    // A STREAM frame: 1fdooossB, B the lengths of data length, offset and stream number.
    let frame = c.u8().filter(|frame| frame & 0x80 != 0)?;
    c.skip(usize::from(frame & 3) + 1)?;
    let offset = match frame >> 2 & 7 {
        0 => 0,
        n => usize::from(n) + 1,
    };
    if c.take(offset)?.iter().any(|byte| *byte != 0) {
        return None;
    }
    c.skip(if frame & 0x20 != 0 { 2 } else { 0 })?;
    tags(version, c.rest())
}

/// Whether a datagram is shaped like the first packet of a client of an unencrypted version.
#[must_use]
pub fn looks_like_gquic(datagram: &[u8]) -> bool {
    public_header(datagram).is_some()
}

/// Version and length in bytes of the header of a client's packet that names its version.
fn public_header(datagram: &[u8]) -> Option<(u32, usize)> {
    let mut c = Cursor::new(datagram);
    let first = c.u8()?;
    let version = if first & 0xc0 == 0xc0 {
        // Q046 already had a long header, with both connection id lengths in one byte.
        let version = c.u32().filter(|version| generation(*version) == Some(46))?;
        c.u8().filter(|lengths| *lengths == 0x50)?;
        c.skip(8)?;
        c.skip(usize::from(first & 3) + 1)?;
        version
    } else {
        // Public flags: version present, no reset, an eight-byte connection id, nothing reserved.
        if first & 0xcb != 0x09 {
            return None;
        }
        c.skip(8)?;
        let version = c.u32().filter(|version| generation(*version).is_some_and(|n| (20..=43).contains(&n)))?;
        c.skip(match first >> 4 & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => 6,
        })?;
        version
    };
    Some((version, c.position()))
}

/// The message `CHLO` at the front of a stream: a table of tags and ends, then the values.
pub(super) fn tags(version: u32, stream: &[u8]) -> Option<GoogleHello<'_>> {
    let little = |c: &mut Cursor<'_>| c.array().map(u32::from_le_bytes);
    let mut c = Cursor::new(stream);
    c.array().filter(|tag| tag == b"CHLO")?;
    let count = c.array().map(u16::from_le_bytes).filter(|n| *n <= MAX_TAGS)?;
    c.skip(2)?;
    let mut table = Cursor::new(c.take(usize::from(count) * 8)?);
    let values = c.rest();
    let mut hello = GoogleHello { version, server_name: None, user_agent: None };
    let mut from = 0;
    while let (Some(tag), Some(to)) = (table.array::<4>(), little(&mut table)) {
        let to = to as usize;
        let value = values.get(from..to).filter(|value| !value.is_empty());
        match &tag {
            b"SNI\0" => hello.server_name = value,
            b"UAID" => hello.user_agent = value,
            _ => {}
        }
        from = to;
    }
    Some(hello)
}

/// The hash of an unencrypted packet: FNV-1a of 128 bits, of which the upper 32 are left out. From Q036 on it covers
/// the sender's role.
pub(super) fn fnv(header: &[u8], plain: &[u8], generation: u8) -> [u8; HASH] {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0100_0000_0000_0000_0000_013b;
    let role: &[u8] = if generation > 35 { b"Client" } else { b"" };
    let all = header.iter().chain(plain).chain(role);
    let hash = all.fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    let mut out = [0; HASH];
    out.iter_mut().zip(hash.to_le_bytes()).for_each(|(to, from)| *to = from);
    out
}
