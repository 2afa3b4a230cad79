//! What vouches for a bag from outside: a signature that stock OpenSSH makes and checks (SSHSIG), and a time stamp of an
//! authority (RFC 3161). Both are made of the tag manifest and lie beside the bag. This program asks nobody: it writes the
//! request, and the user brings the reply.

use super::bag::{TAG_MANIFEST, digests};
use super::error::{EvidenceError, name};
use crate::wire::{Text, Timestamp};
use data_encoding::HEXLOWER_PERMISSIVE;
use ring::rand::{SecureRandom, SystemRandom};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use x509_parser::der_parser::ber::{BerObject, BerObjectContent};
use x509_parser::der_parser::der::parse_der;

/// Signatures are for this purpose only (`ssh-keygen -n`).
const PURPOSE: &str = "zollhund";
/// Longest reply that is read.
const MAX_REPLY: u64 = 1 << 20;

fn beside(root: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(root.components().as_path());
    path.push(ending);
    path.into()
}

/// Where the signature of a bag lies.
#[must_use]
pub fn signature_path(root: &Path) -> PathBuf {
    beside(root, ".tagmanifest-sha512.sig")
}

/// Where request (`tsq`) and reply (`tsr`) of a time stamp lie.
#[must_use]
pub fn stamp_path(root: &Path, kind: &str) -> PathBuf {
    beside(root, &format!(".{kind}"))
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; the text names who.
    Holds(Text),
    /// It fits the bag, but nobody vouches for whoever made it.
    Unvouched(Text),
    Fails(Text),
}

/// Signs a bag with `ssh-keygen`, which asks for a passphrase or an agent as usual. `key` is a private key, or a public one
/// whose agent is running.
///
/// # Errors
/// There is no ssh-keygen, it refuses, or there is a signature already.
pub fn sign(root: &Path, key: &Path) -> Result<PathBuf, EvidenceError> {
    let path = signature_path(root);
    if path.exists() {
        return Err(EvidenceError::Exists { name: name(&path) });
    }
    let done = ssh_keygen(root, &["-Y", "sign", "-n", PURPOSE, "-f"], &[key])?;
    if !done.0 {
        return Err(EvidenceError::Sign { name: name(key), reason: done.2 });
    }
    let mut file = super::store::new_file(&path)?;
    file.write_all(&done.1).and_then(|()| file.sync_all()).map_err(|error| EvidenceError::writing(&path, error))?;
    Ok(path)
}

/// Checks the signature beside a bag. `signers` is a file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS); without it only
/// whether the signature fits is known.
///
/// # Errors
/// There is no ssh-keygen.
pub fn verify_signature(root: &Path, signers: Option<&Path>) -> Result<Verdict, EvidenceError> {
    let signature = signature_path(root);
    let Some(signers) = signers else {
        let (fits, out, complaint) = ssh_keygen(root, &["-Y", "check-novalidate", "-n", PURPOSE, "-s"], &[&signature])?;
        return Ok(if fits { Verdict::Unvouched(said(&out)) } else { Verdict::Fails(complaint) });
    };
    let (known, out, complaint) =
        ssh_keygen(root, &["-Y", "find-principals", "-s"], &[&signature, Path::new("-f"), signers])?;
    let principal = said(&out);
    if !known || principal.exact().is_empty() {
        return Ok(Verdict::Fails(complaint));
    }
    let words = ["-Y", "verify", "-n", PURPOSE, "-I", principal.exact(), "-s"];
    let (holds, out, complaint) = ssh_keygen(root, &words, &[&signature, Path::new("-f"), signers])?;
    Ok(if holds { Verdict::Holds(said(&out)) } else { Verdict::Fails(complaint) })
}

/// Runs it with the tag manifest as its input: whether it was content, what it printed, and its first complaint.
fn ssh_keygen(root: &Path, words: &[&str], paths: &[&Path]) -> Result<(bool, Vec<u8>, Text), EvidenceError> {
    let manifest = root.join(TAG_MANIFEST);
    let input = File::open(&manifest).map_err(|source| EvidenceError::Read { name: name(&manifest), source })?;
    run(Command::new("ssh-keygen").args(words).args(paths).stdin(input), "ssh-keygen")
}

fn run(command: &mut Command, program: &'static str) -> Result<(bool, Vec<u8>, Text), EvidenceError> {
    let done = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let done = done.map_err(|source| EvidenceError::Program { program, source })?;
    let complaint = if done.stderr.is_empty() { said(&done.stdout) } else { said(&done.stderr) };
    Ok((done.status.success(), done.stdout, complaint))
}

/// The first line of what a program printed.
fn said(out: &[u8]) -> Text {
    let line = out.split(|b| matches!(b, b'\n' | b'\r')).map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    Text::from_wire(line.unwrap_or_default())
}

/// Writes the request for a time stamp of the bag (RFC 3161 §2.4.1), to be sent to an authority of the user's choice:
/// `curl -H 'Content-Type: application/timestamp-query' --data-binary @FILE.tsq ADDRESS > FILE.tsr`.
///
/// # Errors
/// The bag cannot be read, or there is a request already.
pub fn request(root: &Path) -> Result<PathBuf, EvidenceError> {
    let mut nonce = [0_u8; 8];
    let path = stamp_path(root, "tsq");
    SystemRandom::new()
        .fill(&mut nonce)
        .map_err(|_| EvidenceError::writing(&path, io::Error::other("the system gives no random bytes")))?;
    // A positive number of full length, so that it is written in one way only.
    nonce[0] = nonce[0] & 0x3f | 0x40;
    let mut file = super::store::new_file(&path)?;
    file.write_all(&query(&imprint(root)?, &nonce))
        .and_then(|()| file.sync_all())
        .map_err(|error| EvidenceError::writing(&path, error))?;
    Ok(path)
}

/// The digest that is stamped: SHA-512 of the tag manifest.
fn imprint(root: &Path) -> Result<Vec<u8>, EvidenceError> {
    let digest = digests(&root.join(TAG_MANIFEST))?.sha512;
    Ok(HEXLOWER_PERMISSIVE.decode(digest.as_bytes()).unwrap_or_default())
}

/// `TimeStampReq`: version 1, the imprint with its algorithm, a nonce, and the wish for the authority's certificate.
fn query(imprint: &[u8], nonce: &[u8]) -> Vec<u8> {
    // AlgorithmIdentifier of SHA-512 (RFC 5754 §2): 2.16.840.1.101.3.4.2.3, NULL.
    const SHA_512: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00];
    // All lengths here are below 128: one byte each.
    let wrap = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        [&[tag, content.len() as u8][..], &content].concat()
    };
    let imprint = wrap(0x30, &[&SHA_512, &wrap(0x04, &[imprint])]);
    wrap(0x30, &[&[0x02, 0x01, 0x01], &imprint, &wrap(0x02, &[nonce]), &[0x01, 0x01, 0xff]])
}

/// What a time stamp says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub time: Timestamp,
    /// Whether the authority's signature was checked, and against what.
    pub verdict: Verdict,
}

/// Checks the reply of an authority, `reply`: that it is of this bag and answers the request beside it, if there is one. The
/// authority's own signature is checked by `openssl ts` against the certificates in `authority`, if given.
///
/// # Errors
/// The reply cannot be read, was refused, or is of something else.
pub fn verify_stamp(root: &Path, reply: &Path, authority: Option<&Path>) -> Result<Stamp, EvidenceError> {
    let reading = |path: &Path| {
        let reading = |source| EvidenceError::Read { name: name(path), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(reading)?.take(MAX_REPLY).read_to_end(&mut bytes).map_err(reading)?;
        Ok::<_, EvidenceError>(bytes)
    };
    let bad = |reason: &str| EvidenceError::Stamp { name: name(reply), reason: reason.into() };
    let bytes = reading(reply)?;
    let token = token(&bytes).map_err(bad)?;
    if token.imprint != imprint(root)? {
        return Err(bad("it stamps another digest"));
    }
    let request = stamp_path(root, "tsq");
    if request.exists() {
        let asked = reading(&request)?;
        if nonce_of(&asked).is_some_and(|nonce| token.nonce.as_deref() != Some(nonce)) {
            return Err(bad("it answers another request (nonce)"));
        }
    }
    let verdict = match authority {
        None => Verdict::Unvouched("the authority's signature was not checked: name its certificates".into()),
        Some(certificates) => {
            let mut command = Command::new("openssl");
            command.args(["ts", "-verify", "-data"]).arg(root.join(TAG_MANIFEST)).arg("-in").arg(reply);
            command.arg("-CAfile").arg(certificates).stdin(Stdio::null());
            let (holds, _, complaint) = run(&mut command, "openssl")?;
            if holds { Verdict::Holds(name(certificates)) } else { Verdict::Fails(complaint) }
        }
    };
    Ok(Stamp { time: token.time, verdict })
}

/// Puts a reply beside the bag, after it was checked.
///
/// # Errors
/// It does not fit, or there is one already.
pub fn attach(root: &Path, reply: &Path, authority: Option<&Path>) -> Result<Stamp, EvidenceError> {
    let stamp = verify_stamp(root, reply, authority)?;
    let path = stamp_path(root, "tsr");
    let bytes = fs::read(reply).map_err(|source| EvidenceError::Read { name: name(reply), source })?;
    let mut file = super::store::new_file(&path)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|error| EvidenceError::writing(&path, error))?;
    Ok(stamp)
}

/// `TSTInfo` (RFC 3161 §2.4.2), as far as it matters here.
struct Token {
    imprint: Vec<u8>,
    time: Timestamp,
    nonce: Option<Vec<u8>>,
}

/// Reads a `TimeStampResp`: the status, and inside the signed data the statement itself.
fn token(reply: &[u8]) -> Result<Token, &'static str> {
    const NO_REPLY: &str = "it is no time-stamp reply";
    let (_, response) = parse_der(reply).map_err(|_| NO_REPLY)?;
    let parts = sequence(&response).ok_or(NO_REPLY)?;
    let status = parts.first().and_then(sequence).and_then(|s| s.first()).and_then(|s| s.as_u32().ok());
    match status {
        // Granted, or granted with changes (RFC 3161 §2.4.2).
        Some(0 | 1) => {}
        Some(_) => return Err("the authority refused"),
        None => return Err(NO_REPLY),
    }
    let content = parts.get(1).and_then(sequence).and_then(|s| s.get(1)).and_then(explicit).ok_or(NO_REPLY)?;
    let (_, signed) = parse_der(content).map_err(|_| NO_REPLY)?;
    let inner = sequence(&signed).and_then(|s| s.get(2)).and_then(sequence).ok_or(NO_REPLY)?;
    let octets = inner.get(1).and_then(explicit).ok_or(NO_REPLY)?;
    let (_, octets) = parse_der(octets).map_err(|_| NO_REPLY)?;
    let (_, info) = parse_der(octets.as_slice().map_err(|_| NO_REPLY)?).map_err(|_| NO_REPLY)?;
    let info = sequence(&info).ok_or(NO_REPLY)?;
    let imprint = info.get(2).and_then(sequence).and_then(|s| s.get(1)).and_then(|o| o.as_slice().ok());
    let time = info.get(4).and_then(|object| match &object.content {
        BerObjectContent::GeneralizedTime(time) => time.to_datetime().ok(),
        _ => None,
    });
    let nonce = info.iter().skip(5).find_map(|object| match object.content {
        BerObjectContent::Integer(bytes) => Some(bytes.to_vec()),
        _ => None,
    });
    let seconds = time.and_then(|t| u64::try_from(t.unix_timestamp()).ok()).ok_or(NO_REPLY)?;
    Ok(Token { imprint: imprint.ok_or(NO_REPLY)?.to_vec(), time: Timestamp::from_secs(seconds), nonce })
}

/// The nonce of a request that [`request`] wrote.
fn nonce_of(request: &[u8]) -> Option<&[u8]> {
    let (_, request) = parse_der(request).ok()?;
    sequence(&request)?.iter().skip(1).find_map(|object| match object.content {
        BerObjectContent::Integer(bytes) => Some(bytes),
        _ => None,
    })
}

fn sequence<'o, 'a>(object: &'o BerObject<'a>) -> Option<&'o [BerObject<'a>]> {
    match &object.content {
        BerObjectContent::Sequence(parts) => Some(parts),
        _ => None,
    }
}

/// The bytes inside `[0] EXPLICIT`.
fn explicit<'a>(object: &BerObject<'a>) -> Option<&'a [u8]> {
    match &object.content {
        BerObjectContent::Unknown(any) => Some(any.data),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::bag::seal;
    use super::*;
    use tempfile::TempDir;

    fn bag() -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("case");
        fs::create_dir_all(root.join("data")).unwrap();
        fs::write(root.join("data/report.json"), "{}").unwrap();
        seal(&root, &[]).unwrap();
        (folder, root)
    }

    fn stock(folder: &TempDir, words: &[&str]) -> bool {
        let done = Command::new(words[0]).args(&words[1..]).current_dir(folder.path()).output();
        done.is_ok_and(|done| done.status.success())
    }

    /// A program that a machine may lack; a test without it says so.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn have(folder: &TempDir, words: &[&str]) -> bool {
        let have = stock(folder, words);
        if !have {
            eprintln!("SKIPPED: {} is missing", words[0]);
        }
        have
    }

    #[test]
    fn a_signature_is_made_and_checked_with_stock_tools() {
        let (folder, root) = bag();
        if !have(&folder, &["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "key"]) {
            return;
        }
        let at = |name: &str| folder.path().join(name);
        sign(&root, &at("key")).unwrap();
        assert!(matches!(sign(&root, &at("key")), Err(EvidenceError::Exists { .. })));
        assert!(matches!(verify_signature(&root, None).unwrap(), Verdict::Unvouched(_)));
        let public = fs::read_to_string(at("key.pub")).unwrap();
        fs::write(at("signers"), format!("auditor@authority.example namespaces=\"zollhund\" {public}")).unwrap();
        let holds = verify_signature(&root, Some(&at("signers"))).unwrap();
        assert!(
            matches!(&holds, Verdict::Holds(who) if who.exact().contains("auditor@authority.example")),
            "{holds:?}"
        );
        // A key that nobody knows.
        assert!(stock(&folder, &["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "other"]));
        let other = fs::read_to_string(at("other.pub")).unwrap();
        fs::write(at("signers"), format!("somebody@else.example {other}")).unwrap();
        assert!(matches!(verify_signature(&root, Some(&at("signers"))).unwrap(), Verdict::Fails(_)));
        // Another bag.
        let manifest = root.join(TAG_MANIFEST);
        fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + "\n").unwrap();
        assert!(matches!(verify_signature(&root, None).unwrap(), Verdict::Fails(_)));
    }

    /// An authority of the test's own.
    const AUTHORITY: &str = "[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n\
        signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256, sha512\ncerts = tsa.pem\n";

    #[test]
    fn a_time_stamp_of_an_authority_is_attached_and_checked() {
        let (folder, root) = bag();
        let new = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=authority",
            "-addext",
            "extendedKeyUsage=critical,timeStamping",
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.pem",
        ];
        if !have(&folder, &new) {
            return;
        }
        let at = |name: &str| folder.path().join(name);
        fs::write(at("tsa.cnf"), AUTHORITY).unwrap();
        fs::write(at("serial"), "01\n").unwrap();
        let query = request(&root).unwrap();
        let reply = |out: &str| {
            let query = query.to_str().unwrap();
            let words =
                ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", query, "-out", out];
            assert!(stock(&folder, &words), "the authority does not read the request");
        };
        reply("reply.tsr");
        let stamp = attach(&root, &at("reply.tsr"), Some(&at("tsa.pem"))).unwrap();
        assert!(matches!(stamp.verdict, Verdict::Holds(_)), "{stamp:?}");
        assert!(stamp.time > Timestamp::from_secs(1_700_000_000));
        let attached = stamp_path(&root, "tsr");
        assert!(matches!(verify_stamp(&root, &attached, None).unwrap().verdict, Verdict::Unvouched(_)));
        // Another request was answered.
        fs::remove_file(&query).unwrap();
        request(&root).unwrap();
        let error = verify_stamp(&root, &attached, None).unwrap_err().to_string();
        assert!(error.contains("another request"), "{error}");
        // Another bag.
        let manifest = root.join(TAG_MANIFEST);
        fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + "\n").unwrap();
        let error = verify_stamp(&root, &attached, None).unwrap_err().to_string();
        assert!(error.contains("another digest"), "{error}");
        // Nonsense, and a reply that is cut anywhere.
        let whole = fs::read(&attached).unwrap();
        for length in 0..whole.len() {
            assert!(token(&whole[..length]).is_err(), "{length}");
        }
    }
}
