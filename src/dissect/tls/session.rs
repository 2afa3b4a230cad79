//! One handshake, message by message, whatever carried it: TLS records, QUIC CRYPTO frames or DTLS fragments.

use super::cert;
use super::hello::{self, ClientHello, ServerHello};
use crate::dissect::fact::{Choice, Fact, Facts, HelloTransport, Hidden, NameSource, Offer};
use crate::wire::{Side, Text};

/// Handshake types (RFC 8446 §4, RFC 5246 §7.4).
pub(in crate::dissect) mod kind {
    pub(in crate::dissect) const CLIENT_HELLO: u8 = 1;
    pub(in crate::dissect) const SERVER_HELLO: u8 = 2;
    /// RFC 6347 §4.2.1.
    pub(in crate::dissect) const HELLO_VERIFY_REQUEST: u8 = 3;
    pub(in crate::dissect) const CERTIFICATE: u8 = 11;
    pub(in crate::dissect) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(in crate::dissect) const SERVER_HELLO_DONE: u8 = 14;
}

/// Whether the sender of a message will say more in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dissect) enum Turn {
    More,
    Over,
}

/// What is remembered of a ClientHello.
#[derive(Debug, Clone, Copy)]
struct Hello {
    side: Side,
    /// The last bytes of its random: a repeated hello (retry, cookie) has the same (RFC 6347 §4.2.1).
    random: u64,
    /// A hello said again in another version of QUIC is another offer.
    quic_version: Option<u32>,
    session_id: ([u8; 32], u8),
}

#[derive(Debug)]
pub(in crate::dissect) struct Session {
    transport: HelloTransport,
    quic_version: Option<u32>,
    /// One of the ports is that of DNS over TLS and over QUIC.
    dns_port: bool,
    spoke: bool,
    certified: bool,
    hello: Option<Hello>,
    server: Option<Side>,
    choice: Option<Choice>,
}

/// The port of DNS over TLS (RFC 7858) and of DNS over QUIC (RFC 9250).
pub(in crate::dissect) const DNS_PORT: u16 = 853;

impl Session {
    pub(in crate::dissect) const fn new(transport: HelloTransport, dns_port: bool) -> Self {
        Self {
            transport,
            quic_version: None,
            dns_port,
            spoke: false,
            certified: false,
            hello: None,
            server: None,
            choice: None,
        }
    }

    pub(in crate::dissect) const fn set_quic_version(&mut self, version: u32) {
        self.quic_version = Some(version);
    }

    /// Something certain has been said.
    pub(in crate::dissect) const fn spoke(&self) -> bool {
        self.spoke
    }

    /// The protocol is certain.
    pub(in crate::dissect) fn speak(&mut self, side: Side, out: &mut Facts) {
        if std::mem::replace(&mut self.spoke, true) {
            return;
        }
        out.push(side, Fact::Speaks(self.transport.token()));
        match self.transport {
            HelloTransport::Tls if self.dns_port => out.push(side, Fact::Hidden(Hidden::Dot)),
            HelloTransport::Quic if self.dns_port => out.push(side, Fact::Hidden(Hidden::Doq)),
            _ => {}
        }
    }

    /// A handshake message. `body` may be the first part only of a Certificate (the leaf) and of a ServerKeyExchange.
    /// `None` if it is not what its type says.
    pub(in crate::dissect) fn message(&mut self, side: Side, kind: u8, body: &[u8], out: &mut Facts) -> Option<Turn> {
        match kind {
            kind::CLIENT_HELLO => self.client_hello(side, body, out),
            kind::SERVER_HELLO => self.server_hello(side, body, out),
            kind::CERTIFICATE if self.server == Some(side) && !self.certified => {
                self.certified = true;
                if let Some(certificate) = cert::leaf(body).and_then(cert::read) {
                    out.push(side, Fact::Certified(Box::new(certificate)));
                }
                Some(Turn::More)
            }
            kind::SERVER_KEY_EXCHANGE if self.server == Some(side) => {
                if let Some(choice) = &mut self.choice
                    && hello::key_exchange(body, choice)
                {
                    out.push(side, Fact::Chosen(*choice));
                }
                Some(Turn::More)
            }
            kind::HELLO_VERIFY_REQUEST if self.transport == HelloTransport::Dtls => {
                out.push(side, Fact::Answered);
                Some(Turn::More)
            }
            kind::SERVER_HELLO_DONE => Some(Turn::Over),
            _ => Some(Turn::More),
        }
    }

    fn client_hello(&mut self, side: Side, body: &[u8], out: &mut Facts) -> Option<Turn> {
        let hello = ClientHello::parse(body, self.transport == HelloTransport::Dtls)?;
        self.speak(side, out);
        let random = hello.random.last_chunk().copied().map_or(0, u64::from_be_bytes);
        let quic_version = self.quic_version;
        if self.hello.is_some_and(|h| h.side == side && h.random == random && h.quic_version == quic_version) {
            return Some(Turn::Over);
        }
        (self.choice, self.server, self.certified) = (None, None, false);
        let mut session_id = [0; 32];
        session_id.iter_mut().zip(hello.session_id).for_each(|(to, from)| *to = *from);
        self.hello = Some(Hello { side, random, quic_version, session_id: (session_id, hello.session_id.len() as u8) });

        let offer = hello.offer(self.transport, self.quic_version);
        let asks = |names: fn(&str) -> bool| !self.dns_port && offer.alpn.iter().any(|name| names(name.exact()));
        let hidden = match self.transport {
            // Drafts of RFC 9250 had numbered names.
            HelloTransport::Quic if asks(|name| name == "doq" || name.starts_with("doq-")) => Some(Hidden::Doq),
            HelloTransport::Tls if asks(|name| name == "dot") => Some(Hidden::Dot),
            _ => None,
        };
        if let Some(name) = offer.sni.clone() {
            out.push(side, Fact::Named { name, how: self.name_source() });
        }
        out.push(side, Fact::Offered(Box::new(offer)));
        if hello.cut {
            out.push(side, Fact::Detail { key: "client-hello", value: Text::from("malformed") });
        }
        if let Some(hidden) = hidden {
            out.push(side, Fact::Hidden(hidden));
        }
        Some(Turn::Over)
    }

    /// A hello in the format of SSL 2.0: a version and nothing else of interest.
    pub(in crate::dissect) fn old_client_hello(&mut self, side: Side, version: u16, out: &mut Facts) {
        self.speak(side, out);
        let offer = Offer { version, oldest_version: version, ..Offer::unknown(self.transport) };
        out.push(side, Fact::Offered(Box::new(offer)));
        out.push(side, Fact::Detail { key: "client-hello", value: Text::from("ssl 2.0 format") });
    }

    /// The beginning of a ClientHello whose rest is lost. A name that stands in it was said; nothing is made of what is
    /// missing, so there is no offer.
    pub(in crate::dissect) fn cut_client_hello(&mut self, side: Side, body: &[u8], out: &mut Facts) {
        let Some(hello) = ClientHello::parse(body, self.transport == HelloTransport::Dtls) else { return };
        self.speak(side, out);
        if let Some(name) = hello.server_name {
            out.push(side, Fact::Named { name: Text::host(name), how: self.name_source() });
        }
        out.push(side, Fact::Detail { key: "client-hello", value: Text::from("cut") });
    }

    const fn name_source(&self) -> NameSource {
        match self.transport {
            HelloTransport::Tls => NameSource::TlsSni,
            HelloTransport::Quic => NameSource::QuicSni,
            HelloTransport::Dtls => NameSource::DtlsSni,
        }
    }

    fn server_hello(&mut self, side: Side, body: &[u8], out: &mut Facts) -> Option<Turn> {
        let ServerHello { session_id, mut choice, alpn } = ServerHello::parse(body)?;
        self.speak(side, out);
        self.server = Some(side);
        let encrypted = hello::is_version_13(choice.version);
        if !encrypted {
            // An echoed session id means an abbreviated handshake (RFC 5246 §7.3).
            choice.resumed = self.hello.is_some_and(|hello| {
                let (id, len) = hello.session_id;
                !session_id.is_empty() && id.get(..usize::from(len)) == Some(session_id)
            });
        }
        self.choice = Some(choice);
        out.push(side, Fact::Chosen(choice));
        if let Some(alpn) = alpn {
            out.push(side, Fact::Detail { key: "alpn", value: Text::from_wire(alpn) });
        }
        Some(if encrypted && !choice.retry { Turn::Over } else { Turn::More })
    }

    /// The side has changed to encryption (ChangeCipherSpec, encrypted records). A server that does so right after its
    /// hello has taken up an old session by a ticket (RFC 5077 §3.1).
    pub(in crate::dissect) fn encrypted(&mut self, side: Side, out: &mut Facts) -> Turn {
        let Some(choice) = self.choice.as_mut().filter(|_| self.server == Some(side)) else { return Turn::Over };
        if choice.retry {
            // For the sake of middleboxes, one is sent after a HelloRetryRequest too (RFC 8446 §D.4).
            return Turn::More;
        }
        if !hello::is_version_13(choice.version) && !self.certified && !choice.resumed {
            choice.resumed = true;
            out.push(side, Fact::Chosen(*choice));
        }
        Turn::Over
    }
}
