//! The bag: everything of a case in one folder with checksums of every file (BagIt 1.0, RFC 8493). What lies in `data` is the
//! payload; the manifests name it, the tag manifest names the manifests, and the digest of the tag manifest stands for all.

use super::error::{EvidenceError, name};
use crate::wire::Text;
use data_encoding::HEXLOWER;
use ring::digest::{self, Context, SHA256, SHA512};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The folder of the payload.
pub const PAYLOAD: &str = "data";
/// What signatures and time stamps are made of.
pub const TAG_MANIFEST: &str = "tagmanifest-sha512.txt";
const DECLARATION: &str = "bagit.txt";
const INFO: &str = "bag-info.txt";
/// RFC 8493 §2.4: algorithms by their names in file names.
const MANIFESTS: [(&str, Algorithm); 2] =
    [("manifest-sha256.txt", Algorithm::Sha256), ("manifest-sha512.txt", Algorithm::Sha512)];

/// The tag manifest while it is written.
const UNFINISHED: &str = ".tagmanifest-sha512.unfinished";
/// Files in one bag, so that a bag made to harm ends.
const MAX_FILES: usize = 100_000;
/// Bytes of a manifest that is read.
const MAX_MANIFEST: u64 = 64 << 20;
const CHUNK: usize = 1 << 18;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha512,
}

/// Both digests of a file, in lower-case hexadecimal, and its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    pub sha256: String,
    pub sha512: String,
    pub bytes: u64,
}

impl Digests {
    fn of(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Sha512 => &self.sha512,
        }
    }
}

/// Reads a file once and gives both digests.
///
/// # Errors
/// The file cannot be read.
pub fn digests(path: &Path) -> Result<Digests, EvidenceError> {
    let ([sha256, sha512], bytes) = hash(path, [&SHA256, &SHA512])?;
    Ok(Digests { sha256, sha512, bytes })
}

/// SHA-256 of a file, in lower-case hexadecimal.
///
/// # Errors
/// The file cannot be read.
pub fn sha256(path: &Path) -> Result<String, EvidenceError> {
    hash(path, [&SHA256]).map(|([sha256], _)| sha256)
}

/// SHA-512 of a file, in lower-case hexadecimal. It takes three times as long as SHA-256 does.
///
/// # Errors
/// The file cannot be read.
pub fn sha512(path: &Path) -> Result<String, EvidenceError> {
    hash(path, [&SHA512]).map(|([sha512], _)| sha512)
}

/// Reads a file once and gives its digests and its length.
fn hash<const N: usize>(
    path: &Path,
    algorithms: [&'static digest::Algorithm; N],
) -> Result<([String; N], u64), EvidenceError> {
    let reading = |source| EvidenceError::Read { name: name(path), source };
    let mut file = File::open(path).map_err(reading)?;
    let (mut hashes, mut bytes) = (algorithms.map(Context::new), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(reading(error)),
        };
        let part = chunk.get(..read).unwrap_or_default();
        for hash in &mut hashes {
            hash.update(part);
        }
        bytes += read as u64;
    }
    Ok((hashes.map(|hash| HEXLOWER.encode(hash.finish().as_ref())), bytes))
}

/// A bag that has just been sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// SHA-512 of the tag manifest, in lower-case hexadecimal: it stands for the whole bag.
    pub digest: String,
    pub files: usize,
    pub bytes: u64,
}

/// Whether the folder is a bag that was sealed.
#[must_use]
pub fn is_sealed(root: &Path) -> bool {
    root.join(DECLARATION).is_file() && root.join(TAG_MANIFEST).is_file()
}

/// Writes the manifests of everything in `data`. `info` are the lines of `bag-info.txt`, in order; size, and the program are
/// added.
///
/// # Errors
/// The bag is sealed already, a file cannot be read or written, or there is something in it that is no plain file.
pub fn seal(root: &Path, info: &[(&str, &str)]) -> Result<Sealed, EvidenceError> {
    seal_with(root, info, &BTreeMap::new())
}

/// The same where the digests of some files are known, by their paths in the bag: a capture of hours is read once less.
///
/// # Errors
/// As for [`seal`].
pub fn seal_with(
    root: &Path,
    info: &[(&str, &str)],
    known: &BTreeMap<String, Digests>,
) -> Result<Sealed, EvidenceError> {
    if !is_sealed(root) {
        // What sealing began that was interrupted, and says nothing.
        for name in [DECLARATION, INFO, UNFINISHED].into_iter().chain(MANIFESTS.map(|(manifest, _)| manifest)) {
            let _ = fs::remove_file(root.join(name));
        }
    }
    let mut payload = Vec::new();
    for path in files(root, PAYLOAD)? {
        let digests = match known.get(&path) {
            Some(known) => known.clone(),
            None => digests(&root.join(&path))?,
        };
        payload.push((path, digests));
    }
    let bytes: u64 = payload.iter().map(|(_, d)| d.bytes).sum();
    write_new(&root.join(DECLARATION), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")?;
    let mut lines = String::new();
    for (label, value) in info {
        let _ = writeln!(lines, "{label}: {}", one_line(value));
    }
    let _ = writeln!(lines, "Payload-Oxum: {bytes}.{}", payload.len());
    let _ = writeln!(lines, "Bag-Software-Agent: zollhund {}", env!("CARGO_PKG_VERSION"));
    write_new(&root.join(INFO), &lines)?;
    let mut tags = vec![DECLARATION, INFO];
    for (manifest, algorithm) in MANIFESTS {
        write_new(&root.join(manifest), &listing(&payload, algorithm))?;
        tags.push(manifest);
    }
    let mut tagged = Vec::new();
    for tag in tags {
        tagged.push((tag.to_owned(), digests(&root.join(tag))?));
    }
    tagged.sort_by(|(a, _), (b, _)| a.cmp(b));
    // With its name the bag is sealed: it gets it when it is whole.
    let (unfinished, whole) = (root.join(UNFINISHED), root.join(TAG_MANIFEST));
    write_new(&unfinished, &listing(&tagged, Algorithm::Sha512))?;
    fs::rename(&unfinished, &whole).map_err(|error| EvidenceError::creating(&whole, error))?;
    let digest = sha512(&root.join(TAG_MANIFEST))?;
    Ok(Sealed { digest, files: payload.len(), bytes })
}

fn listing(files: &[(String, Digests)], algorithm: Algorithm) -> String {
    let mut text = String::new();
    for (path, digests) in files {
        let _ = writeln!(text, "{}  {}", digests.of(algorithm), escaped(path));
    }
    text
}

/// RFC 8493 §2.1.3: line ends and the percent sign itself are written with percent signs.
fn escaped(path: &str) -> String {
    path.replace('%', "%25").replace('\n', "%0A").replace('\r', "%0D")
}

fn unescaped(path: &str) -> String {
    path.replace("%0A", "\n").replace("%0a", "\n").replace("%0D", "\r").replace("%0d", "\r").replace("%25", "%")
}

/// A value that stays in its line and is safe to print.
fn one_line(value: &str) -> String {
    Text::from(value).to_string().replace(['\n', '\r'], " ")
}

fn write_new(path: &Path, text: &str) -> Result<(), EvidenceError> {
    let mut file = super::store::new_file(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| EvidenceError::writing(path, error))
}

/// The plain files below a folder of the bag, as paths from the root with `/`, sorted. Links are not followed: they are told.
fn files(root: &Path, folder: &str) -> Result<Vec<String>, EvidenceError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let path = root.join(&folder);
        let reading = |source| EvidenceError::Read { name: name(&path), source };
        for entry in fs::read_dir(&path).map_err(reading)? {
            let entry = entry.map_err(reading)?;
            let kind = entry.file_type().map_err(reading)?;
            let strange = || EvidenceError::Strange { name: name(&entry.path()) };
            let below = format!("{folder}/{}", entry.file_name().to_str().ok_or_else(strange)?);
            if kind.is_dir() {
                open.push(below);
            } else if kind.is_file() {
                found.push(below);
            } else {
                return Err(strange());
            }
            if found.len() + open.len() > MAX_FILES {
                return Err(EvidenceError::Strange { name: name(root) });
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What is wrong with one file of a bag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is listed and not there.
    Missing,
    /// It is there and not what was sealed.
    Changed,
    /// It is there and not listed.
    Unlisted,
    /// It is listed in one manifest only, or its line cannot be read.
    Listing,
}

/// What a check of a bag found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// SHA-512 of the tag manifest as it is now.
    pub digest: String,
    pub files: usize,
    pub bytes: u64,
    /// Path from the root, and what is wrong with it, sorted.
    pub wrong: Vec<(Text, Wrong)>,
}

impl Checked {
    #[must_use]
    pub fn holds(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Holds every file of a bag against the manifests, and the manifests against the tag manifest.
///
/// # Errors
/// The folder is no sealed bag, or a file that is there cannot be read.
pub fn check(root: &Path) -> Result<Checked, EvidenceError> {
    if !is_sealed(root) {
        return Err(EvidenceError::Unsealed { name: name(root) });
    }
    let mut wrong = Vec::new();
    let mut tags = BTreeMap::new();
    read_manifest(root, TAG_MANIFEST, &mut tags, Algorithm::Sha512, &mut wrong)?;
    for (path, listed) in &tags {
        judge(root, path, listed, &mut wrong)?;
    }
    for needed in [DECLARATION, INFO].into_iter().chain(MANIFESTS.map(|(file, _)| file)) {
        if !tags.contains_key(needed) {
            wrong.push((needed.into(), Wrong::Unlisted));
        }
    }
    for (entry, _) in top(root)? {
        if entry != TAG_MANIFEST && !tags.contains_key(&entry) {
            wrong.push((entry.as_str().into(), Wrong::Unlisted));
        }
    }
    let mut listed = BTreeMap::new();
    for (manifest, algorithm) in MANIFESTS {
        if root.join(manifest).is_file() {
            read_manifest(root, manifest, &mut listed, algorithm, &mut wrong)?;
        }
    }
    let (mut seen, mut bytes) = (0, 0);
    for (path, entry) in &listed {
        if let Some(found) = judge(root, path, entry, &mut wrong)? {
            (seen, bytes) = (seen + 1, bytes + found);
        }
        if entry.len() != MANIFESTS.len() || !path.starts_with("data/") {
            wrong.push((path.as_str().into(), Wrong::Listing));
        }
    }
    for path in files(root, PAYLOAD)? {
        if !listed.contains_key(&path) {
            wrong.push((path.as_str().into(), Wrong::Unlisted));
        }
    }
    wrong.sort_by(|(a, _), (b, _)| a.cmp(b));
    wrong.dedup();
    Ok(Checked { digest: sha512(&root.join(TAG_MANIFEST))?, files: seen, bytes, wrong })
}

type Listed = BTreeMap<String, Vec<(Algorithm, String)>>;

fn read_manifest(
    root: &Path,
    manifest: &str,
    into: &mut Listed,
    algorithm: Algorithm,
    wrong: &mut Vec<(Text, Wrong)>,
) -> Result<(), EvidenceError> {
    let path = root.join(manifest);
    let reading = |source| EvidenceError::Read { name: name(&path), source };
    let mut text = String::new();
    let file = File::open(&path).map_err(reading)?;
    if file.take(MAX_MANIFEST).read_to_string(&mut text).is_err() {
        wrong.push((manifest.into(), Wrong::Listing));
        return Ok(());
    }
    for line in text.lines() {
        let parts =
            line.split_once([' ', '\t']).map(|(digest, path)| (digest, path.trim_start_matches([' ', '\t', '*'])));
        match parts {
            Some((digest, path)) if is_inside(path) && into.len() < MAX_FILES => {
                into.entry(unescaped(path)).or_default().push((algorithm, digest.to_ascii_lowercase()));
            }
            _ => wrong.push((manifest.into(), Wrong::Listing)),
        }
    }
    Ok(())
}

/// Whether a listed path stays in the bag.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\\')
        && !path.split('/').any(|part| part.is_empty() || part == "." || part == "..")
}

/// Holds a file against its digests; its length, if it is what was sealed.
fn judge(
    root: &Path,
    path: &str,
    listed: &[(Algorithm, String)],
    wrong: &mut Vec<(Text, Wrong)>,
) -> Result<Option<u64>, EvidenceError> {
    let at: PathBuf = root.join(path);
    let plain = fs::symlink_metadata(&at).is_ok_and(|m| m.is_file());
    if !plain {
        wrong.push((path.into(), Wrong::Missing));
        return Ok(None);
    }
    let found = digests(&at)?;
    if listed.iter().any(|(algorithm, digest)| found.of(*algorithm) != digest) {
        wrong.push((path.into(), Wrong::Changed));
        return Ok(None);
    }
    Ok(Some(found.bytes))
}

/// Files and folders beside `data`.
fn top(root: &Path) -> Result<Vec<(String, bool)>, EvidenceError> {
    let reading = |source| EvidenceError::Read { name: name(root), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        let folder = entry.file_type().map_err(reading)?.is_dir();
        let called = entry.file_name().to_string_lossy().into_owned();
        if called != PAYLOAD {
            found.push((called, folder));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn bag() -> TempDir {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("data/capture")).unwrap();
        fs::write(root.path().join("data/capture/a.pcapng"), b"frames").unwrap();
        fs::write(root.path().join("data/50 % \u{e9}.txt"), b"odd name").unwrap();
        seal(root.path(), &[("External-Identifier", "case 7\nInjected: line")]).unwrap();
        root
    }

    #[test]
    fn a_sealed_bag_holds_and_is_sealed_once() {
        let root = bag();
        let checked = check(root.path()).unwrap();
        assert_eq!((checked.files, checked.bytes, &checked.wrong), (2, 14, &Vec::new()));
        let info = fs::read_to_string(root.path().join(INFO)).unwrap();
        assert!(info.contains("Payload-Oxum: 14.2\n") && !info.contains("\nInjected"), "{info}");
        assert!(matches!(seal(root.path(), &[]), Err(EvidenceError::Exists { .. })));
        // Known answer: SHA-256 of "frames".
        let manifest = fs::read_to_string(root.path().join("manifest-sha256.txt")).unwrap();
        assert!(manifest.contains("  data/50 %25 \u{e9}.txt\n"), "{manifest}");
    }

    #[test]
    fn every_changed_byte_and_file_is_named() {
        for file in ["data/capture/a.pcapng", "bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest-sha512.txt"]
        {
            let root = bag();
            let path = root.path().join(file);
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
            let checked = check(root.path()).unwrap();
            assert!(checked.wrong.iter().any(|(name, _)| name.exact() == file), "{file}: {:?}", checked.wrong);
        }
        let root = bag();
        let sealed = check(root.path()).unwrap().digest;
        let path = root.path().join(TAG_MANIFEST);
        let text = fs::read_to_string(&path).unwrap().replace("bagit.txt", "bagit.tx_");
        fs::write(&path, text).unwrap();
        let checked = check(root.path()).unwrap();
        assert!(!checked.holds());
        assert_ne!(checked.digest, sealed, "a signature over it no longer fits");
    }

    #[test]
    fn files_that_came_or_went_are_named() {
        let root = bag();
        fs::write(root.path().join("data/more"), b"").unwrap();
        fs::write(root.path().join("beside"), b"").unwrap();
        fs::remove_file(root.path().join("data/capture/a.pcapng")).unwrap();
        let wrong = check(root.path()).unwrap().wrong;
        let expected =
            [("beside", Wrong::Unlisted), ("data/capture/a.pcapng", Wrong::Missing), ("data/more", Wrong::Unlisted)];
        assert_eq!(wrong, expected.map(|(name, what)| (Text::from(name), what)));
    }

    #[test]
    fn a_manifest_cannot_point_outside_the_bag() {
        let root = bag();
        for line in ["00  ../etc/passwd", "00  /etc/passwd", "00  data/../../x", "nonsense", "00  data\\..\\x"] {
            let path = root.path().join("manifest-sha256.txt");
            let before = fs::read_to_string(&path).unwrap();
            fs::write(&path, format!("{before}{line}\n")).unwrap();
            let wrong = check(root.path()).unwrap().wrong;
            assert!(wrong.contains(&("manifest-sha256.txt".into(), Wrong::Listing)), "{line}: {wrong:?}");
            assert!(!wrong.iter().any(|(name, _)| name.exact().contains("passwd")), "{line}: {wrong:?}");
            fs::write(&path, before).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let root = bag();
        std::os::unix::fs::symlink("/etc/hostname", root.path().join("data/link")).unwrap();
        assert!(matches!(check(root.path()), Err(EvidenceError::Strange { .. })));
    }
}
