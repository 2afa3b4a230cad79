//! Messages made for tests, field by field.

/// A length of `width` bytes, then the bytes.
pub(crate) fn vector(width: usize, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&length[4 - width..], body].concat()
}

pub(crate) fn numbers(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

pub(crate) fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(2, body)].concat()
}

pub(crate) fn server_name(name: &[u8]) -> Vec<u8> {
    extension(0, &vector(2, &[&[0][..], &vector(2, name)].concat()))
}

pub(crate) fn alpn(names: &[&[u8]]) -> Vec<u8> {
    extension(16, &vector(2, &names.iter().flat_map(|n| vector(1, n)).collect::<Vec<_>>()))
}

pub(crate) fn supported_versions(versions: &[u16]) -> Vec<u8> {
    extension(43, &vector(1, &numbers(versions)))
}

/// A ClientHello body. `cookie` for DTLS.
pub(crate) fn client_hello(
    version: u16,
    random: u8,
    id: &[u8],
    cookie: Option<&[u8]>,
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    let mut body = [&version.to_be_bytes()[..], &[random; 32], &vector(1, id)].concat();
    body.extend(cookie.map(|cookie| vector(1, cookie)).unwrap_or_default());
    body.extend(vector(2, &numbers(&[0x1a1a, 0x1301, 0xc02f])));
    body.extend([1, 0]);
    body.extend(vector(2, &extensions.concat()));
    body
}

pub(crate) fn server_hello(version: u16, random: [u8; 32], id: &[u8], cipher: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = [&version.to_be_bytes()[..], &random, &vector(1, id), &cipher.to_be_bytes(), &[0]].concat();
    body.extend(vector(2, &extensions.concat()));
    body
}

/// A hello for `name` as a current browser sends it.
pub(crate) fn browser_hello(name: &[u8], random: u8) -> Vec<u8> {
    let extensions = [
        extension(0x2a2a, b""),
        server_name(name),
        alpn(&[b"h2", b"http/1.1"]),
        supported_versions(&[0x0a0a, 0x0304, 0x0303]),
        extension(0xfe0d, &[0, 1, 2, 3]),
        extension(13, &vector(2, &numbers(&[0x0403, 0x0804]))),
    ];
    client_hello(0x0303, random, &[7; 32], None, &extensions)
}

pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &vector(3, body)].concat()
}

/// A record of version 3.`minor`.
pub(crate) fn record(kind: u8, minor: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, minor][..], &vector(2, body)].concat()
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        n @ 0..=127 => vec![n as u8],
        n @ 128..=255 => vec![0x81, n as u8],
        n => vec![0x82, (n >> 8) as u8, n as u8],
    };
    [&[tag][..], &length, &body].concat()
}

fn common_name(name: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(0x31, &[&der(0x30, &[&der(6, &[&[0x55, 4, 3]]), &der(12, &[name])])])])
}

/// A certificate in DER with an elliptic-curve key and a signature that nobody checks, for `subject` and `names`.
pub(crate) fn certificate(subject: &[u8], issuer: &[u8], names: &[&[u8]]) -> Vec<u8> {
    let ecdsa_sha256 = der(0x30, &[&der(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])]);
    let names: Vec<u8> = names
        .iter()
        .flat_map(|name| match *name {
            [_, _, _, _] => der(0x87, &[name]),
            _ => der(0x82, &[name]),
        })
        .collect();
    let alternatives = der(0x30, &[&der(6, &[&[0x55, 0x1d, 0x11]]), &der(4, &[&der(0x30, &[&names])])]);
    let algorithm = der(
        0x30,
        &[&der(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]), &der(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]])],
    );
    let content = der(
        0x30,
        &[
            &der(0xa0, &[&der(2, &[&[2]])]),
            &der(2, &[&[1]]),
            &ecdsa_sha256,
            &common_name(issuer),
            &der(0x30, &[&der(0x17, &[b"200101000000Z"]), &der(0x17, &[b"300101000000Z"])]),
            &common_name(subject),
            &der(0x30, &[&algorithm, &der(3, &[&[0, 4], &[9; 64]])]),
            &der(0xa3, &[&der(0x30, &[&alternatives])]),
        ],
    );
    der(0x30, &[&content, &ecdsa_sha256, &der(3, &[&[0], &[1; 70]])])
}

/// A Certificate message body with a leaf and something behind it.
pub(crate) fn chain(leaf: &[u8]) -> Vec<u8> {
    vector(3, &[vector(3, leaf), vector(3, &[0x30; 900])].concat())
}
