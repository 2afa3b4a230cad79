//! From the frames of opened Initial packets to handshake messages (RFC 9000 §19).

use super::header::varint;
use crate::dissect::tls::pieces::{Full, Pieces};
use crate::wire::Cursor;

/// Most bytes of one side's CRYPTO stream that are kept. The hellos stand at its very beginning.
pub const MAX_CRYPTO: usize = 64 * 1024;
/// Most ranges followed in one ACK frame.
const MAX_ACK_RANGES: u64 = 256;

/// The pieces of CRYPTO data in the payload of an Initial packet, with their offsets. Other frames that may stand there
/// are stepped over; at anything else the reading ends. `google`: frames are numbered as in Google QUIC.
pub(super) fn crypto_frames(payload: &[u8], google: bool) -> impl Iterator<Item = (u64, &[u8])> {
    let mut c = Cursor::new(payload);
    std::iter::from_fn(move || {
        loop {
            let kind = if google { c.u8()?.into() } else { varint(&mut c)? };
            match (kind, google) {
                // PADDING, PING
                (0, _) | (1, false) | (7, true) => {}
                (2 | 3, false) => ack(&mut c, kind == 3)?,
                (0x40..=0x7f, true) => google_ack(&mut c, kind as usize)?,
                (6, false) | (8, true) => {
                    let offset = varint(&mut c)?;
                    let length = varint(&mut c)?;
                    return Some((offset, c.take(usize::try_from(length).ok()?)?));
                }
                // CONNECTION_CLOSE ends the packet as well as the connection.
                _ => return None,
            }
        }
    })
}

fn ack(c: &mut Cursor<'_>, with_ecn: bool) -> Option<()> {
    let (_largest, _delay) = (varint(c)?, varint(c)?);
    let ranges = varint(c).filter(|n| *n <= MAX_ACK_RANGES)?;
    varint(c)?;
    for _ in 0..ranges * 2 + if with_ecn { 3 } else { 0 } {
        varint(c)?;
    }
    Some(())
}

/// An ACK frame of Google QUIC, `01n-llmm`: with more blocks, lengths of the largest number and of a block.
fn google_ack(c: &mut Cursor<'_>, kind: usize) -> Option<()> {
    let length = |bits: usize| [1, 2, 4, 6].get(bits & 3).copied();
    let (largest, block) = (length(kind >> 2)?, length(kind)?);
    c.skip(largest + 2)?;
    let blocks = if kind & 0x20 != 0 { usize::from(c.u8()?) } else { 0 };
    c.skip(block + blocks * (1 + block))?;
    match usize::from(c.u8()?) {
        0 => Some(()),
        timestamps => c.skip(5 + (timestamps - 1) * 3),
    }
}

/// The CRYPTO stream of one side.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pieces: Pieces,
    /// Bytes of the stream whose messages have been read.
    read: usize,
}

impl Stream {
    /// Takes a piece; true if it was new.
    pub(super) fn put(&mut self, offset: u64, piece: &[u8]) -> Result<bool, Full> {
        self.pieces.put(usize::try_from(offset).map_err(|_| Full)?, piece, MAX_CRYPTO)
    }

    /// The next whole message: type and body.
    pub(super) fn message(&mut self) -> Option<(u8, &[u8])> {
        let mut c = Cursor::new(self.pieces.front().get(self.read..)?);
        let kind = c.u8()?;
        let length = c.u24()?;
        let body = c.take(length as usize)?;
        self.read += 4 + body.len();
        Some((kind, body))
    }

    /// The first message was read without being kept.
    pub(super) fn step_over(&mut self, message: &[u8]) -> Result<bool, Full> {
        self.read = message.len();
        self.put(0, message)
    }

    /// Nothing has been kept so far.
    pub(super) fn is_fresh(&self) -> bool {
        self.pieces.held() == 0
    }

    pub(super) fn held(&self) -> usize {
        self.pieces.held()
    }
}

/// The only message of a piece that holds exactly the whole of it.
pub(super) fn whole_message(piece: &[u8]) -> Option<(u8, &[u8])> {
    let mut c = Cursor::new(piece);
    let kind = c.u8()?;
    let length = c.u24()?;
    let body = c.take(length as usize)?;
    c.is_empty().then_some((kind, body))
}
