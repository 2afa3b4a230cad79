//! Where the bytes come from: a stream, hashed as it is read, unpacked if it is gzip.

use flate2::bufread::MultiGzDecoder;
use ring::digest;
use std::fmt;
use std::io::{self, BufReader, Chain, Cursor, Read};

/// Bytes read at once from a compressed file.
const GZIP_BUFFER: usize = 128 * 1024;

/// Whether to compute the SHA-256 of the file while reading it. It costs more time than all the reading does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digest {
    #[default]
    Skip,
    Sha256,
}

/// The raw file: every byte read from it is counted and, if wanted, hashed.
struct Tap {
    reader: Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>,
    bytes: u64,
    hash: Option<digest::Context>,
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes = self.bytes.saturating_add(count as u64);
        if let (Some(hash), Some(read)) = (&mut self.hash, buffer.get(..count)) {
            hash.update(read);
        }
        Ok(count)
    }
}

/// Plain or unpacked bytes of a file.
pub(super) struct Source(Kind);

enum Kind {
    Plain(Box<Tap>),
    Gzip(Box<MultiGzDecoder<BufReader<Tap>>>),
}

impl Source {
    pub(super) fn new(mut reader: Box<dyn Read + Send>, digest: Digest) -> io::Result<Self> {
        let mut head = Vec::new();
        reader.by_ref().take(2).read_to_end(&mut head)?;
        let gzip = head == [0x1f, 0x8b];
        let hash = (digest == Digest::Sha256).then(|| digest::Context::new(&digest::SHA256));
        let tap = Tap { reader: Cursor::new(head).chain(reader), bytes: 0, hash };
        Ok(Self(if gzip {
            Kind::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(GZIP_BUFFER, tap))))
        } else {
            Kind::Plain(Box::new(tap))
        }))
    }

    pub(super) const fn is_gzip(&self) -> bool {
        matches!(self.0, Kind::Gzip(_))
    }

    /// Bytes of the file itself read so far.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.tap().bytes
    }

    /// SHA-256 of the file itself as far as it was read.
    pub(super) fn sha256(&self) -> Option<[u8; 32]> {
        self.tap().hash.clone()?.finish().as_ref().try_into().ok()
    }

    /// Reads the file itself to its end, so that its hash covers all of it.
    pub(super) fn drain(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        let tap = match &mut self.0 {
            Kind::Plain(tap) => tap,
            Kind::Gzip(decoder) => decoder.get_mut().get_mut(),
        };
        if tap.hash.is_none() {
            return Ok(());
        }
        loop {
            match tap.read(scratch) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn tap(&self) -> &Tap {
        match &self.0 {
            Kind::Plain(tap) => tap,
            Kind::Gzip(decoder) => decoder.get_ref().get_ref(),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Plain(tap) => tap.read(buffer),
            Kind::Gzip(decoder) => decoder.read(buffer),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("gzip", &self.is_gzip()).field("raw_bytes", &self.raw_bytes()).finish()
    }
}
