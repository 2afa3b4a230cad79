//! ClientHello and ServerHello: what each side says in the clear. Shared by TLS, QUIC and DTLS.

use crate::dissect::fact::{Choice, Ech, HelloTransport, Offer};
use crate::wire::{Cursor, Text};

/// Longest name in bytes that is taken for a host name. DNS allows 255; the rest is slack for odd clients.
const MAX_NAME: usize = 1024;
/// Most ALPN values and SRTP profiles kept of one hello; real clients offer fewer than twenty.
const MAX_VALUES: usize = 32;
/// Most cipher suites kept of one hello; libraries that offer all they know have some hundred.
const MAX_CIPHERS: usize = 192;

/// Extension types (IANA "TLS ExtensionType Values").
pub(super) mod extension {
    pub(in crate::dissect) const SERVER_NAME: u16 = 0;
    pub(in crate::dissect) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(in crate::dissect) const USE_SRTP: u16 = 14;
    pub(in crate::dissect) const ALPN: u16 = 16;
    /// RFC 7366.
    pub(in crate::dissect) const ENCRYPT_THEN_MAC: u16 = 22;
    /// key_share up to draft 22 of TLS 1.3; drafts from 23 on and the RFC have 51.
    pub(in crate::dissect) const DRAFT_KEY_SHARE: u16 = 40;
    pub(in crate::dissect) const PRE_SHARED_KEY: u16 = 41;
    pub(in crate::dissect) const SUPPORTED_VERSIONS: u16 = 43;
    pub(in crate::dissect) const KEY_SHARE: u16 = 51;
    /// RFC 9849.
    pub(in crate::dissect) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
    /// The withdrawn encrypted_server_name.
    pub(in crate::dissect) const ESNI: u16 = 0xffce;
}

/// The random value that makes a ServerHello a HelloRetryRequest (RFC 8446 §4.1.3): SHA-256 of those words.
const RETRY_RANDOM: [u8; 32] = *b"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\
\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";

/// Values that clients sprinkle in to keep servers tolerant (RFC 8701); they mean nothing.
#[must_use]
pub const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// Whether everything after this ServerHello is encrypted: TLS 1.3, its drafts, Facebook's own number for one, DTLS 1.3.
#[must_use]
pub const fn is_version_13(version: u16) -> bool {
    matches!(version, 0x0304 | 0x7f00..=0x7fff | 0xfb00..=0xfbff | 0xfefc)
}

const fn rank(version: u16) -> u16 {
    match version {
        0x0304 => u16::MAX,
        version if version >> 8 == 0xfe => !version,
        version => version,
    }
}

/// 16-bit values of a list, GREASE left out.
pub(super) fn values(list: &[u8]) -> impl Iterator<Item = u16> {
    list.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(u16::from_be_bytes)).filter(|v| !is_grease(*v))
}

/// Extension types and bodies, one by one, up to the first that does not fit.
#[derive(Debug, Clone)]
pub(super) struct Extensions<'a>(Cursor<'a>);

impl<'a> Extensions<'a> {
    pub(super) const fn of(list: &'a [u8]) -> Self {
        Self(Cursor::new(list))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.u16()?, self.0.vec16()?))
    }
}

/// A ClientHello, borrowed from the wire. Lists are without their length fields.
#[derive(Debug, Clone)]
pub struct ClientHello<'a> {
    /// The version field of the message itself; TLS 1.3 says 0x0303 there.
    pub legacy_version: u16,
    pub random: [u8; 32],
    pub session_id: &'a [u8],
    pub ciphers: &'a [u8],
    pub extensions: &'a [u8],
    /// The bytes end before their lengths say: what is missing may have been anything.
    pub cut: bool,
    /// There is a server_name extension, with or without a usable name.
    pub names_server: bool,
    pub server_name: Option<&'a [u8]>,
    /// Protocol names, each with its length in front.
    pub alpn: &'a [u8],
    pub versions: &'a [u8],
    pub signature_algorithms: &'a [u8],
    pub srtp: &'a [u8],
    pub ech: Ech,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of the message (after type and length). `cookie`: DTLS has one more field (RFC 6347 §4.2.1).
    /// A hello whose lengths point beyond its end is read as far as it goes and marked `cut`; `None` if it is none.
    #[must_use]
    pub fn parse(body: &'a [u8], cookie: bool) -> Option<Self> {
        let mut c = Cursor::new(body);
        let mut hello = Self {
            legacy_version: c.u16().filter(|v| matches!(v >> 8, 3 | 0xfe))?,
            random: c.array()?,
            session_id: c.vec8().filter(|id| id.len() <= 32)?,
            ciphers: &[],
            extensions: &[],
            cut: false,
            names_server: false,
            server_name: None,
            alpn: &[],
            versions: &[],
            signature_algorithms: &[],
            srtp: &[],
            ech: Ech::Absent,
        };
        hello.cut = hello.lists(c, cookie).is_none();
        Some(hello)
    }

    fn lists(&mut self, mut c: Cursor<'a>, cookie: bool) -> Option<()> {
        if cookie {
            c.vec8()?;
        }
        self.ciphers = c.vec16()?;
        let _compressions = c.vec8()?;
        // SSL 3.0 and early TLS clients may leave the extensions out.
        let whole = if c.is_empty() { Some(&[][..]) } else { c.vec16() };
        self.extensions = whole.or_else(|| c.rest().get(2..))?;
        for (kind, body) in Extensions::of(self.extensions) {
            self.extension(kind, body);
        }
        whole.map(|_| ())
    }

    fn extension(&mut self, kind: u16, body: &'a [u8]) {
        let mut c = Cursor::new(body);
        match kind {
            extension::SERVER_NAME => {
                self.names_server = true;
                let mut list = Cursor::new(c.vec16().unwrap_or_default());
                while let (Some(name_type), Some(name)) = (list.u8(), list.vec16()) {
                    // host_name is the only type there is (RFC 6066 §3).
                    if name_type == 0 && !name.is_empty() && name.len() <= MAX_NAME && self.server_name.is_none() {
                        self.server_name = Some(name);
                    }
                }
            }
            extension::ALPN => self.alpn = c.vec16().unwrap_or_default(),
            extension::SUPPORTED_VERSIONS => self.versions = c.vec8().unwrap_or_default(),
            extension::SIGNATURE_ALGORITHMS => self.signature_algorithms = c.vec16().unwrap_or_default(),
            extension::USE_SRTP => self.srtp = c.vec16().unwrap_or_default(),
            // An inner hello (type byte 1) never travels in the clear.
            extension::ENCRYPTED_CLIENT_HELLO if body.first() == Some(&0) => self.ech = Ech::Offered,
            extension::ESNI if self.ech == Ech::Absent => self.ech = Ech::Esni,
            _ => {}
        }
    }

    /// Protocol names offered, in order.
    pub fn protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut list = Cursor::new(self.alpn);
        std::iter::from_fn(move || list.vec8())
    }

    /// The best version offered. Drafts and private numbers rank below the finished TLS 1.3; DTLS numbers count down.
    #[must_use]
    pub fn best_version(&self) -> u16 {
        values(self.versions).max_by_key(|v| rank(*v)).unwrap_or(self.legacy_version)
    }

    /// The oldest version that the hello names.
    #[must_use]
    pub fn oldest_version(&self) -> u16 {
        values(self.versions).min_by_key(|v| rank(*v)).unwrap_or(self.legacy_version)
    }

    /// What the hello offers, as a fact. The fingerprint is left empty for a hello that was cut.
    #[must_use]
    pub fn offer(&self, transport: HelloTransport, quic_version: Option<u32>) -> Offer {
        let mut ciphers = Vec::with_capacity((self.ciphers.len() / 2).min(MAX_CIPHERS));
        ciphers.extend(values(self.ciphers).take(MAX_CIPHERS));
        Offer {
            transport,
            sni: self.server_name.map(Text::host),
            alpn: self.protocols().take(MAX_VALUES).map(Text::from_wire).collect(),
            ech: self.ech,
            version: self.best_version(),
            oldest_version: self.oldest_version(),
            ciphers,
            ja4: if self.cut { Box::default() } else { super::ja4::fingerprint(self, transport) },
            srtp: values(self.srtp).take(MAX_VALUES).collect(),
            quic_version,
        }
    }
}

/// A ServerHello, borrowed from the wire.
#[derive(Debug, Clone)]
pub struct ServerHello<'a> {
    pub session_id: &'a [u8],
    pub choice: Choice,
    /// The application protocol, where the server says it in the clear (up to TLS 1.2).
    pub alpn: Option<&'a [u8]>,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of the message. `choice.resumed` is set for TLS 1.3 (a pre-shared key was accepted); before, it
    /// takes the client's session id to know.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut c = Cursor::new(body);
        let mut version = c.u16().filter(|v| matches!(v >> 8, 3 | 0xfe | 0x7f))?;
        let random: [u8; 32] = c.array()?;
        // Until draft 22 the TLS 1.3 ServerHello had neither session id nor compression method.
        let early_draft = (0x7f00..=0x7f15).contains(&version);
        let session_id = if early_draft { &[][..] } else { c.vec8().filter(|id| id.len() <= 32)? };
        let cipher = c.u16()?;
        if !early_draft {
            c.u8()?;
        }
        let (mut group, mut resumed, mut srtp, mut alpn) = (None, false, None, None);
        let mut encrypt_then_mac = false;
        for (kind, body) in Extensions::of(c.vec16().unwrap_or_default()) {
            let mut c = Cursor::new(body);
            match kind {
                extension::SUPPORTED_VERSIONS => version = c.u16().unwrap_or(version),
                extension::KEY_SHARE | extension::DRAFT_KEY_SHARE => group = c.u16(),
                extension::PRE_SHARED_KEY => resumed = true,
                extension::USE_SRTP => srtp = c.vec16().and_then(|list| values(list).next()),
                extension::ALPN => alpn = c.vec16().and_then(|list| Cursor::new(list).vec8()),
                extension::ENCRYPT_THEN_MAC => encrypt_then_mac = true,
                _ => {}
            }
        }
        let retry = random == RETRY_RANDOM;
        let choice = Choice { version, cipher, group, retry, resumed, srtp, encrypt_then_mac, ..Choice::default() };
        Some(Self { session_id, choice, alpn })
    }
}

/// The named group in a ServerKeyExchange with elliptic curves (RFC 8422 §5.4), told from finite-field parameters by
/// its shape: a curve point is 32 to 133 bytes long.
#[must_use]
pub fn key_exchange_group(body: &[u8]) -> Option<u16> {
    const NAMED_CURVE: u8 = 3;
    let mut c = Cursor::new(body);
    let named = c.u8()? == NAMED_CURVE;
    let group = c.u16()?;
    let point = c.u8()?;
    (named && group != 0 && (32..=133).contains(&point)).then_some(group)
}

/// Bytes of a ServerKeyExchange that are of use: type, group, the longest curve point with its length, signature scheme.
pub(super) const KEY_EXCHANGE_BYTES: usize = 4 + 133 + 2;

/// What a ServerKeyExchange adds to the choice: the group, or how long the prime is, and how the exchange was signed.
/// Whether something was added.
pub(super) fn key_exchange(body: &[u8], choice: &mut Choice) -> bool {
    if is_finite_field(choice.cipher) {
        choice.prime_bits = prime_bits(body);
        return choice.prime_bits.is_some();
    }
    let Some(group) = key_exchange_group(body) else { return false };
    choice.group = Some(group);
    // Before TLS 1.2 the way of signing followed from the key.
    if matches!(choice.version, 0x0303 | 0xfefd) {
        let mut c = Cursor::new(body);
        choice.signature = c.skip(3).and_then(|()| c.vec8()).and_then(|_| c.u16()).filter(|scheme| *scheme != 0);
    }
    true
}

/// Suites with a Diffie-Hellman exchange over a finite field, signed (DHE) or anonymous (IANA "TLS Cipher Suites").
const fn is_finite_field(cipher: u16) -> bool {
    matches!(
        cipher,
        0x0011..=0x001a | 0x0032..=0x0034 | 0x0038..=0x003a | 0x0040 | 0x0044..=0x0046 | 0x0063 | 0x0065..=0x0067
        | 0x006a..=0x006d | 0x0087..=0x0089 | 0x0099..=0x009b | 0x009e | 0x009f | 0x00a2 | 0x00a3 | 0x00a6 | 0x00a7
        | 0x00bd..=0x00bf | 0x00c3..=0x00c5 | 0xc042..=0xc047 | 0xc052..=0xc057 | 0xc07c..=0xc07f | 0xc09e | 0xc09f
        | 0xc0a2 | 0xc0a3 | 0xccaa
    )
}

/// Length of the prime in ServerDHParams (RFC 5246 §7.4.3), without leading zero bits of its first two bytes.
fn prime_bits(body: &[u8]) -> Option<u16> {
    let mut c = Cursor::new(body);
    let len = c.u16().filter(|len| (2..=2048).contains(len))?;
    let head = c.u16()?;
    Some(len * 8 - head.leading_zeros() as u16)
}
