//! The leaf certificate, where it is sent in the clear (up to TLS and DTLS 1.2).

use crate::dissect::fact::Certificate;
use crate::wire::{Cursor, Text};
use std::net::{Ipv4Addr, Ipv6Addr};
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey;

/// Most names kept of one certificate; large content networks put a hundred and more into one.
const MAX_NAMES: usize = 128;
/// Longest issuer kept, in characters.
const MAX_ISSUER: usize = 512;

/// The first certificate of a Certificate message (RFC 5246 §7.4.2).
#[must_use]
pub fn leaf(body: &[u8]) -> Option<&[u8]> {
    let mut c = Cursor::new(body);
    c.u24()?;
    let len = c.u24()?;
    c.take(len as usize)
}

/// Reads one certificate in DER. `None` if it is none.
#[must_use]
pub fn read(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut names: Vec<Text> = certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok())
        .filter(|name| looks_like_host(name))
        .map(|name| Text::host(name.as_bytes()))
        .take(1)
        .collect();
    if let Ok(Some(alternatives)) = certificate.subject_alternative_name() {
        for name in alternatives.value.general_names.iter().filter_map(alternative) {
            if names.len() == MAX_NAMES {
                break;
            }
            if names.first() != Some(&name) {
                names.push(name);
            }
        }
    }
    let issuer: String = certificate.issuer().to_string().chars().take(MAX_ISSUER).collect();
    let seconds = |time: ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    Some(Certificate {
        names,
        issuer: Text::from(issuer.as_str()),
        not_before: seconds(certificate.validity().not_before),
        not_after: seconds(certificate.validity().not_after),
        key: key(certificate.public_key()),
        signature: signature(&certificate.signature_algorithm),
        self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
    })
}

fn looks_like_host(name: &str) -> bool {
    name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'*'))
}

fn alternative(name: &GeneralName<'_>) -> Option<Text> {
    match name {
        GeneralName::DNSName(name) => Some(Text::host(name.as_bytes())),
        GeneralName::IPAddress(bytes) => {
            let text = match *bytes {
                [a, b, c, d] => Ipv4Addr::new(*a, *b, *c, *d).to_string(),
                _ => Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string(),
            };
            Some(Text::from(text.as_str()))
        }
        _ => None,
    }
}

/// `rsa-2048`, `ec-p256`, `ed25519`; the object identifier of anything else.
fn key(info: &SubjectPublicKeyInfo<'_>) -> Box<str> {
    let algorithm = info.algorithm.algorithm.to_id_string();
    match (algorithm.as_str(), info.parsed()) {
        (_, Ok(PublicKey::RSA(rsa))) => {
            let modulus = rsa.modulus.iter().skip_while(|byte| **byte == 0);
            format!("rsa-{}", modulus.count() * 8).into()
        }
        ("1.2.840.10045.2.1", _) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
            match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => "ec-p256".into(),
                Some("1.3.132.0.34") => "ec-p384".into(),
                Some("1.3.132.0.35") => "ec-p521".into(),
                Some(other) => format!("ec-{other}").into(),
                None => "ec".into(),
            }
        }
        ("1.3.101.112", _) => "ed25519".into(),
        ("1.3.101.113", _) => "ed448".into(),
        ("1.2.840.10040.4.1", _) => "dsa".into(),
        (other, _) => other.into(),
    }
}

fn signature(algorithm: &AlgorithmIdentifier<'_>) -> Box<str> {
    let oid = algorithm.algorithm.to_id_string();
    match oid.as_str() {
        "1.2.840.113549.1.1.4" => "rsa-md5".into(),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "rsa-sha1".into(),
        "1.2.840.113549.1.1.10" => "rsa-pss".into(),
        "1.2.840.113549.1.1.11" => "rsa-sha256".into(),
        "1.2.840.113549.1.1.12" => "rsa-sha384".into(),
        "1.2.840.113549.1.1.13" => "rsa-sha512".into(),
        "1.2.840.10045.4.1" => "ecdsa-sha1".into(),
        "1.2.840.10045.4.3.2" => "ecdsa-sha256".into(),
        "1.2.840.10045.4.3.3" => "ecdsa-sha384".into(),
        "1.2.840.10045.4.3.4" => "ecdsa-sha512".into(),
        "1.2.840.10040.4.3" => "dsa-sha1".into(),
        "1.3.101.112" => "ed25519".into(),
        "1.3.101.113" => "ed448".into(),
        _ => oid.into(),
    }
}
