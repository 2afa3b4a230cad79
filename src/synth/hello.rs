//! Handshakes as clients and servers send them: TLS and DTLS hellos, certificates, records.
//!
//! Nothing here is ever answered: key shares, randoms and signatures are bytes from the seed.

use super::{Bytes, Random};

/// Bytes of the X25519MLKEM768 share of a client (draft-ietf-tls-ecdhe-mlkem): what makes a hello outgrow a segment.
const POST_QUANTUM_SHARE: usize = 1216;
const X25519: u16 = 0x001d;
const X25519_MLKEM768: u16 = 0x11ec;
/// The GREASE value used wherever one is wanted (RFC 8701 §2).
const GREASE: u16 = 0x5a5a;

/// What a client says first. `Default` is a hello without a name, as an old client would send one.
#[derive(Debug, Clone, Default)]
pub struct ClientHello {
    /// Any bytes: hostile names are made here too.
    pub sni: Option<Vec<u8>>,
    pub alpn: Vec<&'static [u8]>,
    /// TLS 1.3 in supported_versions, with key shares.
    pub tls13: bool,
    /// An X25519MLKEM768 share beside the classic one: over 1700 bytes in all over TCP.
    pub post_quantum: bool,
    /// Encrypted Client Hello of the outer kind; the name in `sni` is then a cover name (RFC 9849 §5).
    pub ech: bool,
    /// Extensions in an order of their own in each hello, as Chrome sends them since 2023.
    pub shuffled: bool,
    /// QUIC transport parameters (RFC 9001 §8.2): the hello goes into CRYPTO frames.
    pub quic: bool,
    /// SRTP protection profiles (RFC 5764 §4.1.2).
    pub srtp: Vec<u16>,
}

impl ClientHello {
    /// A present-day browser's hello over TCP.
    #[must_use]
    pub fn modern(sni: &str) -> Self {
        Self { sni: Some(sni.into()), alpn: vec![b"h2", b"http/1.1"], tls13: true, shuffled: true, ..Self::default() }
    }

    /// The handshake message, header included (RFC 8446 §4.1.2).
    #[must_use]
    pub fn message(&self, random: &mut Random) -> Vec<u8> {
        message(1, |body| self.body(0x0303, None, random, body))
    }

    fn body(&self, version: u16, cookie: Option<&[u8]>, random: &mut Random, out: &mut Bytes) {
        let session = if self.quic || cookie.is_some() { Vec::new() } else { random.bytes(32) };
        out.u16(version).put(&random.array::<32>()).vec8(|v| {
            v.put(&session);
        });
        if let Some(cookie) = cookie {
            out.vec8(|v| {
                v.put(cookie);
            });
        }
        let mut ciphers: Vec<u16> = Vec::new();
        if self.shuffled {
            ciphers.push(GREASE);
        }
        if self.tls13 {
            ciphers.extend([0x1301, 0x1302, 0x1303]);
        }
        if !self.quic {
            ciphers.extend([0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009c, 0x002f]);
        }
        out.vec16(|v| {
            for cipher in ciphers {
                v.u16(cipher);
            }
        });
        out.vec8(|v| {
            v.u8(0);
        });
        let extensions = self.extensions(version, random);
        out.vec16(|v| {
            for (kind, body) in extensions {
                v.u16(kind).vec16(|e| {
                    e.put(&body);
                });
            }
        });
    }

    fn extensions(&self, version: u16, random: &mut Random) -> Vec<(u16, Vec<u8>)> {
        let mut list = Vec::new();
        let mut add = |kind: u16, body: Vec<u8>| list.push((kind, body));
        if let Some(name) = &self.sni {
            add(0, server_name(name));
        }
        add(23, Vec::new());
        add(0xff01, vec![0]);
        add(10, vec16_of_u16(&self.groups()));
        add(11, vec![1, 0]);
        if !self.alpn.is_empty() {
            add(16, alpn(&self.alpn));
        }
        add(13, vec16_of_u16(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]));
        if self.tls13 {
            let newest: u16 = if version == 0x0303 { 0x0304 } else { 0xfefc };
            add(
                43,
                Bytes::of(|b| {
                    b.vec8(|v| {
                        if self.shuffled {
                            v.u16(GREASE);
                        }
                        v.u16(newest).u16(version);
                    });
                }),
            );
            add(45, vec![1, 1]);
            add(51, self.key_shares(random));
        }
        if self.post_quantum && !self.quic {
            // A ticket from an earlier visit (RFC 5077 §3.2), as returning clients still send beside the share.
            add(35, random.bytes(256));
        }
        if self.quic {
            // initial_max_data and initial_max_streams_bidi, with variable-length integers (RFC 9000 §18).
            add(0x39, vec![0x04, 0x04, 0x80, 0x10, 0x00, 0x00, 0x08, 0x02, 0x40, 0x64]);
        }
        if self.ech {
            add(0xfe0d, encrypted_hello(random));
        }
        if !self.srtp.is_empty() {
            let mut body = vec16_of_u16(&self.srtp);
            body.push(0);
            add(14, body);
        }
        if self.shuffled {
            random.shuffle(&mut list);
            list.insert(0, (GREASE, Vec::new()));
        }
        list
    }

    fn groups(&self) -> Vec<u16> {
        let mut groups = vec![X25519, 0x0017, 0x0018];
        if self.post_quantum {
            groups.insert(0, X25519_MLKEM768);
        }
        groups
    }

    fn key_shares(&self, random: &mut Random) -> Vec<u8> {
        Bytes::of(|b| {
            b.vec16(|shares| {
                if self.post_quantum {
                    shares.u16(X25519_MLKEM768).vec16(|s| {
                        s.put(&random.bytes(POST_QUANTUM_SHARE));
                    });
                }
                shares.u16(X25519).vec16(|s| {
                    s.put(&random.array::<32>());
                });
            });
        })
    }
}

/// What a server answers.
#[derive(Debug, Clone, Copy)]
pub struct ServerHello {
    /// 0x0304 goes into supported_versions (RFC 8446 §4.2.1); 0x0303 and 0xfefd stand in the old field.
    pub version: u16,
    pub cipher: u16,
    /// The named group of the key share in TLS 1.3.
    pub group: u16,
    /// use_srtp in the answer (RFC 5764 §4.1.1).
    pub srtp: Option<u16>,
}

impl ServerHello {
    pub const TLS13: Self = Self { version: 0x0304, cipher: 0x1301, group: X25519, srtp: None };
    pub const TLS13_POST_QUANTUM: Self = Self { group: X25519_MLKEM768, ..Self::TLS13 };
    pub const TLS12: Self = Self { version: 0x0303, cipher: 0xc02f, group: X25519, srtp: None };

    /// The handshake message, header included.
    #[must_use]
    pub fn message(&self, random: &mut Random) -> Vec<u8> {
        message(2, |body| self.body(random, body))
    }

    fn body(&self, random: &mut Random, out: &mut Bytes) {
        let tls13 = self.version == 0x0304;
        out.u16(if tls13 { 0x0303 } else { self.version }).put(&random.array::<32>()).vec8(|v| {
            v.put(&random.array::<32>());
        });
        out.u16(self.cipher).u8(0).vec16(|list| {
            if tls13 {
                list.u16(43).u16(2).u16(0x0304);
                // Client's share of X25519MLKEM768 answered by ciphertext 1088 + X25519 32.
                let share = if self.group == X25519_MLKEM768 { 1120 } else { 32 };
                list.u16(51).vec16(|e| {
                    e.u16(self.group).vec16(|s| {
                        s.put(&random.bytes(share));
                    });
                });
            } else {
                list.u16(0xff01).u16(1).u8(0);
            }
            if let Some(profile) = self.srtp {
                list.u16(14).u16(5).u16(2).u16(profile).u8(0);
            }
        });
    }
}

/// A TLS 1.2 server's first flight as one stretch of handshake messages: ServerHello, Certificate, ServerKeyExchange,
/// ServerHelloDone.
#[must_use]
pub fn tls12_flight(certificates: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut flight = ServerHello::TLS12.message(random);
    flight.extend(message(11, |body| {
        body.vec24(|list| {
            for certificate in certificates {
                list.vec24(|c| {
                    c.put(certificate);
                });
            }
        });
    }));
    flight.extend(message(12, |body| {
        // named_curve x25519, a point, ecdsa_secp256r1_sha256, a signature.
        body.u8(3).u16(X25519).vec8(|v| {
            v.put(&random.array::<32>());
        });
        body.u16(0x0403).vec16(|v| {
            v.put(&random.array::<70>());
        });
    }));
    flight.extend(message(14, |_| ()));
    flight
}

/// Handshake bytes in TLS records of at most `limit` bytes each (RFC 8446 §5.1).
#[must_use]
pub fn handshake_records(messages: &[u8], limit: usize) -> Vec<u8> {
    Bytes::of(|out| {
        for part in messages.chunks(limit.clamp(1, 16_384)) {
            out.u8(22).u16(0x0301).vec16(|v| {
                v.put(part);
            });
        }
    })
}

/// ChangeCipherSpec, as TLS 1.3 sends it for the sake of middleboxes.
pub const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];

/// Records of encrypted application data, `len` bytes in all.
#[must_use]
pub fn application_data(len: usize, random: &mut Random) -> Vec<u8> {
    Bytes::of(|out| {
        let mut left = len.max(24);
        while left > 0 {
            let part = left.min(16_000);
            out.u8(23).u16(0x0303).vec16(|v| {
                v.put(&random.bytes(part));
            });
            left -= part;
        }
    })
}

/// A DTLS 1.2 ClientHello in one record, or in as many fragments as `limit` bytes of body demand (RFC 6347 §4.2.3).
#[must_use]
pub fn dtls_client_hello(hello: &ClientHello, limit: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let body = Bytes::of(|b| hello.body(0xfefd, Some(&[]), random, b));
    dtls_datagrams(1, 0, &body, limit)
}

/// A DTLS 1.2 ServerHello in one record.
#[must_use]
pub fn dtls_server_hello(hello: &ServerHello, random: &mut Random) -> Vec<Vec<u8>> {
    let body = Bytes::of(|b| hello.body(random, b));
    dtls_datagrams(2, 0, &body, 1200)
}

fn dtls_datagrams(kind: u8, sequence: u16, body: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let limit = limit.max(1);
    body.chunks(limit)
        .enumerate()
        .map(|(n, part)| {
            Bytes::of(|out| {
                out.u8(22).u16(0xfefd).u16(0).u16(0).u32(n as u32).vec16(|record| {
                    record.u8(kind).u24(body.len() as u32).u16(sequence).u24((n * limit) as u32);
                    record.u24(part.len() as u32).put(part);
                });
            })
        })
        .collect()
}

/// A self-signed-looking certificate in DER: any bytes as common name and alternative names, a P-256 key that is no
/// point of the curve, a signature that verifies nothing. Valid through 2026 and 2027.
#[must_use]
pub fn certificate(common_name: &[u8], alternative_names: &[&[u8]], random: &mut Random) -> Vec<u8> {
    certificate_by(common_name, common_name, alternative_names, random)
}

/// As [`certificate`], with somebody else's common name as the issuer.
#[must_use]
pub fn certificate_by(issuer: &[u8], common_name: &[u8], alternative_names: &[&[u8]], random: &mut Random) -> Vec<u8> {
    const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
    const SUBJECT_ALT_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x11];
    const ECDSA_SHA256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    const EC_P256: [u8; 19] = [
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, // id-ecPublicKey
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, // prime256v1
    ];
    let name = |text: &[u8]| der(0x30, &der(0x31, &der(0x30, &[&COMMON_NAME[..], &der(0x0c, text)].concat())));
    let (issuer, subject) = (name(issuer), name(common_name));
    let validity = der(0x30, &[der(0x17, b"260101000000Z"), der(0x17, b"271231235959Z")].concat());
    let point = [&[0, 4][..], &random.array::<64>()].concat();
    let key = der(0x30, &[der(0x30, &EC_P256), der(0x03, &point)].concat());
    let names: Vec<u8> = alternative_names.iter().flat_map(|n| der(0x82, n)).collect();
    let alternative = der(0x30, &[&SUBJECT_ALT_NAME[..], &der(0x04, &der(0x30, &names))].concat());
    let extensions = if names.is_empty() { Vec::new() } else { der(0xa3, &der(0x30, &alternative)) };
    let algorithm = der(0x30, &ECDSA_SHA256);
    let mut serial = random.array::<8>();
    serial[0] = serial[0] & 0x7f | 0x40;
    let body =
        [der(0xa0, &[2, 1, 2]), der(0x02, &serial), algorithm.clone(), issuer, validity, subject, key, extensions]
            .concat();
    let signature = [&[0, 0x30, 0x44][..], &random.array::<68>()].concat();
    der(0x30, &[der(0x30, &body), algorithm, der(0x03, &signature)].concat())
}

/// One DER element (X.690 §8.1).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = Bytes::new();
    out.u8(tag);
    match length {
        0..0x80 => out.u8(length as u8),
        0x80..0x100 => out.u8(0x81).u8(length as u8),
        _ => out.u8(0x82).u16(length.min(0xffff) as u16),
    };
    out.put(content);
    out.0
}

fn message(kind: u8, body: impl FnOnce(&mut Bytes)) -> Vec<u8> {
    Bytes::of(|out| {
        out.u8(kind).vec24(body);
    })
}

fn server_name(name: &[u8]) -> Vec<u8> {
    Bytes::of(|b| {
        b.vec16(|list| {
            list.u8(0).vec16(|v| {
                v.put(name);
            });
        });
    })
}

fn alpn(protocols: &[&[u8]]) -> Vec<u8> {
    Bytes::of(|b| {
        b.vec16(|list| {
            for protocol in protocols {
                list.vec8(|v| {
                    v.put(protocol);
                });
            }
        });
    })
}

fn vec16_of_u16(values: &[u16]) -> Vec<u8> {
    Bytes::of(|b| {
        b.vec16(|list| {
            for value in values {
                list.u16(*value);
            }
        });
    })
}

/// ECHClientHello of type outer: HKDF-SHA256, AES-128-GCM, a config id, an X25519 share and a sealed inner hello.
fn encrypted_hello(random: &mut Random) -> Vec<u8> {
    Bytes::of(|b| {
        b.u8(0).u16(1).u16(1).u8(random.next() as u8);
        b.vec16(|v| {
            v.put(&random.array::<32>());
        });
        b.vec16(|v| {
            v.put(&random.bytes(208));
        });
    })
}
