//! Why a capture could not be read, in one line for people: operation, file, cure.

use crate::wire::Text;
use std::io;

/// Nothing, or nothing more, can be read. A file that is merely cut or damaged is no error: see
/// [`Ending`](super::Ending).
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("cannot open {name}: there is no such file; check the path")]
    Missing { name: Text },
    #[error("cannot open {name}: permission denied; change its mode or read it as a user who may")]
    Denied { name: Text },
    #[error("cannot read {name}: it is a directory; name the capture files in it")]
    Directory { name: Text },
    #[error("cannot open {name}: {source}")]
    Open { name: Text, source: io::Error },
    #[error("cannot read {name} at byte {offset}: {source}; what came before was read")]
    Read { name: Text, offset: u64, source: io::Error },
    #[error("{name} is empty: no capture was written to it; record it again")]
    Empty { name: Text },
    #[error("{name} ends inside its file header, after {have} bytes: no packet was written to it; record it again")]
    Stub { name: Text, have: u64 },
    #[error("{name} is no capture: it is {found}; {cure}")]
    NotACapture { name: Text, found: String, cure: &'static str },
    #[error("there is no interface {name}; there are {known}")]
    NoInterface { name: Text, known: Text },
    #[error(
        "no right to capture on {name}: run it as root, or once `sudo setcap cap_net_raw+ep \"$(command -v zollhund)\"`; `zollhund doctor` says more"
    )]
    NoRight { name: Text },
    #[error("cannot capture on {name}: {reason}")]
    Interface { name: Text, reason: Text },
    #[error("the interfaces of this machine cannot be listed: {reason}")]
    NoInterfaces { reason: Text },
    #[error("the filter {filter} cannot be used: {reason}; see pcap-filter(7)")]
    Filter { filter: Text, reason: Text },
    #[error("nothing is captured on {name}: {reason}; {cure}, or capture on `any`, which outlives single interfaces")]
    Gone { name: Text, reason: Text, cure: &'static str },
    #[error("{name} is {format} of version {major}.{minor}; save it as a current pcapng, for instance with editcap")]
    Version { name: Text, format: &'static str, major: u16, minor: u16 },
}

impl CaptureError {
    pub(super) fn opening(name: Text, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { name },
            io::ErrorKind::PermissionDenied => Self::Denied { name },
            io::ErrorKind::IsADirectory => Self::Directory { name },
            _ => Self::Open { name, source },
        }
    }

    pub(super) fn reading(name: Text, offset: u64, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::IsADirectory => Self::Directory { name },
            _ => Self::Read { name, offset, source },
        }
    }

    pub(super) fn not_a_capture(name: Text, start: &[u8]) -> Self {
        let (found, cure) = recognise(start);
        Self::NotACapture { name, found, cure }
    }
}

const UNPACK: &str = "unpack it and name the capture inside";
const CONVERT: &str = "convert it with `editcap -F pcapng`";
const CHOOSE: &str = "name a pcap or pcapng file";

/// What people hand in by mistake, known by its first bytes.
const KINDS: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!", "a rar archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with `zstd -d`"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it with `unxz`"),
    (b"BZh", "compressed with bzip2", "unpack it with `bunzip2`"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "unpack it with `lz4 -d`"),
    (b"\x1f\x8b", "compressed with gzip twice", "unpack it with `gunzip`"),
    (b"snoop\0\0\0", "a snoop capture", CONVERT),
    (b"GMBU", "a Microsoft Network Monitor capture", CONVERT),
    (b"RTSS", "a Microsoft Network Monitor capture", CONVERT),
    (b"XCP\0", "a NetXRay or Windows Sniffer capture", CONVERT),
    (b"TRSNIFF data", "a Sniffer capture", CONVERT),
    (b"\x7fver", "a WildPackets capture", CONVERT),
    (b"\0\x05\x16\x07", "a macOS resource fork (a `._` file)", "name the file without `._` in front"),
    (b"\x7fELF", "a program", CHOOSE),
    (b"MZ", "a program", CHOOSE),
    (b"%PDF", "a PDF document", CHOOSE),
    (b"\x89PNG", "a picture", CHOOSE),
    (b"SQLite format 3", "an SQLite database", CHOOSE),
];

fn recognise(start: &[u8]) -> (String, &'static str) {
    if let Some((_, found, cure)) = KINDS.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return ((*found).to_owned(), cure);
    }
    // POSIX.1-1988, ustar: the magic of the first member's header.
    if start.get(257..262) == Some(b"ustar") {
        return ("a tar archive".to_owned(), UNPACK);
    }
    let sample = start.get(..start.len().min(64)).unwrap_or_default();
    if sample.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        return ("text".to_owned(), CHOOSE);
    }
    let hex: Vec<String> = sample.iter().take(4).map(|b| format!("{b:02x}")).collect();
    (format!("of an unknown kind (first bytes {})", hex.join(" ")), CHOOSE)
}
