//! Where the bytes come from: a stream, hashed beside the reading, unpacked if it is gzip.

use flate2::bufread::MultiGzDecoder;
use ring::digest;
use std::fmt;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes read at once from a compressed file.
const GZIP_BUFFER: usize = 128 * 1024;
/// Bytes handed to the hashing thread at once, and pieces that may wait for it.
const PIECE: usize = 256 * 1024;
const WAITING: usize = 8;

/// Whether to compute the SHA-256 of the file while reading it. It costs more time than all the reading does, and is done
/// in a thread of its own.
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
    hash: Hash,
}

enum Hash {
    Skip,
    Running(Hasher),
    /// Of the whole file.
    Done([u8; 32]),
}

/// Hashes beside the reading: the bytes that were read, not what the file may have become since.
struct Hasher {
    piece: Vec<u8>,
    full: SyncSender<Vec<u8>>,
    /// Pieces that can be filled again.
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<digest::Context>,
}

impl Hasher {
    fn start() -> io::Result<Self> {
        let (full, pieces) = sync_channel::<Vec<u8>>(WAITING);
        let (spent, empty) = channel();
        let thread = thread::Builder::new().name("zh-hash".into()).spawn(move || {
            let mut hash = digest::Context::new(&digest::SHA256);
            for mut piece in pieces {
                hash.update(&piece);
                piece.clear();
                let _ = spent.send(piece);
            }
            hash
        })?;
        Ok(Self { piece: Vec::with_capacity(PIECE), full, empty, thread })
    }

    fn update(&mut self, bytes: &[u8]) {
        if self.piece.len() + bytes.len() > PIECE {
            let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(PIECE));
            // If nobody takes it, there is no digest in the end.
            let _ = self.full.send(mem::replace(&mut self.piece, next));
        }
        self.piece.extend_from_slice(bytes);
    }

    /// Nothing more will come.
    fn finish(self) -> Option<[u8; 32]> {
        let Self { piece, full, thread, .. } = self;
        full.send(piece).ok()?;
        drop(full);
        thread.join().ok()?.finish().as_ref().try_into().ok()
    }
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes = self.bytes.saturating_add(count as u64);
        if let (Hash::Running(hasher), Some(read)) = (&mut self.hash, buffer.get(..count)) {
            hasher.update(read);
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
        let hash = if digest == Digest::Sha256 { Hash::Running(Hasher::start()?) } else { Hash::Skip };
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

    /// SHA-256 of the file itself, once it was drained.
    pub(super) fn sha256(&self) -> Option<[u8; 32]> {
        match self.tap().hash {
            Hash::Done(digest) => Some(digest),
            Hash::Skip | Hash::Running(_) => None,
        }
    }

    /// Reads the file itself to its end, so that its hash covers all of it.
    pub(super) fn drain(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        let tap = match &mut self.0 {
            Kind::Plain(tap) => tap,
            Kind::Gzip(decoder) => decoder.get_mut().get_mut(),
        };
        if !matches!(tap.hash, Hash::Running(_)) {
            return Ok(());
        }
        loop {
            match tap.read(scratch) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if let Hash::Running(hasher) = mem::replace(&mut tap.hash, Hash::Skip) {
            tap.hash = hasher.finish().map_or(Hash::Skip, Hash::Done);
        }
        Ok(())
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
