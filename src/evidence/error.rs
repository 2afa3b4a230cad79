//! Why evidence could not be written or read, in one line for people.

use crate::wire::Text;
use std::io;
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("cannot make {name}: {source}; check the folder and its rights")]
    Create { name: Text, source: io::Error },
    #[error("{name} exists already; name another folder")]
    Exists { name: Text },
    #[error("cannot write {name}: {source}; {cure}")]
    Write { name: Text, source: io::Error, cure: &'static str },
    #[error("the quota of {quota} bytes is used up; allow more (--quota) or keep less of each frame")]
    Quota { quota: u64 },
    #[error("cannot read {name}: {source}; check the path and its rights")]
    Read { name: Text, source: io::Error },
    #[error("{name} is neither a plain file nor a folder, or there are too many; take it out of the bundle")]
    Strange { name: Text },
    #[error("{name} is not sealed; `zollhund seal` seals what is there")]
    Unsealed { name: Text },
    #[error("{name}: line {line} does not follow from the line before; nothing is added to a broken custody log")]
    Custody { name: Text, line: u64 },
    #[error("{program} cannot be run: {source}; install OpenSSH")]
    Program { program: &'static str, source: io::Error },
    #[error(
        "ssh-keygen does not sign with {name}: {reason}; give a private key, or a public one whose agent is running"
    )]
    Sign { name: Text, reason: Text },
    #[error("{name} is no reply of a time-stamp authority to this bundle: {reason}")]
    Stamp { name: Text, reason: Text },
    #[error("{name} is no key: it has to hold 32 bytes; name a file that is not there, and one is made")]
    Key { name: Text },
    #[error("the system gives no random numbers for a key; name a file with one (--key-file)")]
    NoRandom,
    #[error("{name} is no journal of a saved capture, or of another version: line {line}: {reason}")]
    Journal { name: Text, line: u64, reason: Text },
}

impl EvidenceError {
    pub(super) fn creating(path: &Path, source: io::Error) -> Self {
        let name = name(path);
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists { name },
            _ => Self::Create { name, source },
        }
    }

    pub(super) fn writing(path: &Path, source: io::Error) -> Self {
        let cure = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room, or save to another disk",
            _ => "check the disk",
        };
        Self::Write { name: name(path), source, cure }
    }
}

pub(super) fn name(path: &Path) -> Text {
    Text::from_wire(path.as_os_str().as_encoded_bytes())
}
