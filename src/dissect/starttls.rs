//! Mail, files, news and chat by lines: read in the clear until both sides agree on TLS (RFC 3207, RFC 4217, RFC 8314 and
//! kin), or until something goes over the wire that should have been behind it.

use super::fact::{Fact, Facts};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Pair, Side, Text, TransportKind};

/// Bytes of a line that are looked at; longer lines are passed over to their end. Every word that matters comes first.
const MAX_LINE: usize = 200;
/// Lines without decision after which nobody listens any more: more than any greeting and list of capabilities has.
const MAX_LINES: u32 = 200;
/// First byte of a TLS record that carries a handshake (RFC 8446 §5.1); no line of text begins with it.
const TLS: u8 = 0x16;

pub(super) const TCP: Protocol = Protocol {
    name: "starttls",
    transport: TransportKind::Tcp,
    specification: "RFC 3207 (SMTP), RFC 4217 (FTP), RFC 2595 (POP3), RFC 9051 (IMAP), RFC 4642 (NNTP), IRCv3 STARTTLS",
    probe,
    make: |opening| Box::new(Conversation::new(opening)),
};

/// One of the languages. Words are compared without regard to case.
#[derive(Debug, PartialEq, Eq)]
struct Language {
    token: &'static str,
    port: u16,
    /// The greeting is unmistakable on any port.
    anywhere: bool,
    /// What the server's first line begins with, and what a client's does that speaks first or was captured alone.
    greetings: &'static [&'static str],
    openings: &'static [&'static str],
    /// What stands in front of commands and answers.
    tag: Tag,
    /// The commands that ask for TLS, and what the consent begins with.
    asking: &'static [&'static str],
    consent: &'static str,
    /// Commands that carry credentials, addresses or content.
    revealing: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Nothing,
    /// A word of the client's choice, repeated by the server (RFC 9051 §2.2.1).
    Word,
    /// A colon and the speaker's name, only from the server (RFC 1459 §2.3.1).
    Prefix,
}

static LANGUAGES: [Language; 6] = [
    Language {
        token: "smtp",
        port: 25,
        anywhere: true,
        greetings: &["220 ", "220-"],
        openings: &["EHLO ", "HELO ", "LHLO "],
        tag: Tag::Nothing,
        asking: &["STARTTLS"],
        consent: "220",
        revealing: &["AUTH ", "MAIL FROM", "RCPT TO", "VRFY ", "EXPN "],
    },
    Language {
        token: "ftp",
        port: 21,
        anywhere: true,
        greetings: &["220 ", "220-"],
        openings: &["AUTH TLS", "AUTH SSL", "USER ", "FEAT", "HOST "],
        tag: Tag::Nothing,
        asking: &["AUTH TLS", "AUTH SSL"],
        consent: "234",
        revealing: &["USER ", "PASS ", "ACCT ", "RETR ", "STOR "],
    },
    Language {
        token: "pop3",
        port: 110,
        anywhere: true,
        greetings: &["+OK"],
        openings: &["STLS", "CAPA", "USER ", "APOP "],
        tag: Tag::Nothing,
        asking: &["STLS"],
        consent: "+OK",
        revealing: &["USER ", "PASS ", "APOP ", "AUTH ", "RETR "],
    },
    Language {
        token: "imap",
        port: 143,
        anywhere: true,
        greetings: &["* OK", "* PREAUTH", "* BYE"],
        openings: &["CAPABILITY", "STARTTLS", "LOGIN ", "AUTHENTICATE ", "ID "],
        tag: Tag::Word,
        asking: &["STARTTLS"],
        consent: "OK",
        revealing: &["LOGIN ", "AUTHENTICATE ", "SELECT ", "EXAMINE ", "LIST ", "FETCH ", "UID "],
    },
    Language {
        token: "nntp",
        port: 119,
        anywhere: false,
        greetings: &["200 ", "201 "],
        openings: &["CAPABILITIES", "MODE READER"],
        tag: Tag::Nothing,
        asking: &["STARTTLS"],
        consent: "382",
        revealing: &["AUTHINFO ", "GROUP ", "ARTICLE ", "POST", "BODY "],
    },
    Language {
        token: "irc",
        port: 6667,
        anywhere: false,
        greetings: &[":"],
        openings: &["STARTTLS", "CAP LS", "NICK ", "USER ", "PASS "],
        tag: Tag::Prefix,
        asking: &["STARTTLS"],
        consent: "670",
        revealing: &["NICK ", "USER ", "PASS ", "JOIN ", "PRIVMSG "],
    },
];

fn begins(line: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes())))
}

impl Language {
    /// The line behind its tag.
    fn untagged<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        match (self.tag, line.first()) {
            (Tag::Word, _) | (Tag::Prefix, Some(b':')) => {
                let space = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
                line.get(space + 1..).unwrap_or_default()
            }
            _ => line,
        }
    }

    /// The side that would be the client if `opening` began this language.
    fn client(&self, opening: &Opening<'_>) -> Option<Side> {
        let on_port = opening.has_port(self.port);
        let greets = begins(opening.bytes, self.greetings) && (on_port || self.anywhere);
        if greets && opening.to_port != self.port {
            Some(opening.side.other())
        } else if on_port && begins(self.untagged(opening.bytes), self.openings) {
            Some(opening.side)
        } else {
            None
        }
    }

    /// Whether the greeting names the language, as those of SMTP and FTP do when they are not on their ports.
    fn is_named_in(&self, greeting: &[u8]) -> bool {
        greeting.windows(self.token.len()).any(|word| word.eq_ignore_ascii_case(self.token.as_bytes()))
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    let printable = |b: &u8| b.is_ascii_graphic() || b" \t\r\n".contains(b) || *b >= 0x80;
    let text = opening.bytes.iter().take(MAX_LINE).all(printable);
    if text && LANGUAGES.iter().any(|language| language.client(opening).is_some()) {
        return Probe::Yes;
    }
    let may_become = |word: &&str| word.as_bytes().starts_with(opening.bytes);
    let mut words = LANGUAGES.iter().flat_map(|language| language.greetings.iter().chain(language.openings));
    if words.any(may_become) { Probe::Maybe } else { Probe::No }
}

/// A conversation by lines.
#[derive(Debug)]
struct Conversation {
    /// The languages it may be; one, in the end.
    candidates: Vec<&'static Language>,
    client: Side,
    server_port: u16,
    halves: Pair<Line>,
    lines: Pair<u32>,
    asked: bool,
    named: bool,
}

/// The line a side is in the middle of.
#[derive(Debug, Default)]
struct Line {
    /// At most [`MAX_LINE`] bytes of it.
    start: Vec<u8>,
    /// Its beginning is missing.
    lost: bool,
}

impl Conversation {
    fn new(opening: &Opening<'_>) -> Self {
        let candidates: Vec<_> = LANGUAGES.iter().filter(|language| language.client(opening).is_some()).collect();
        let client = candidates.first().and_then(|language| language.client(opening)).unwrap_or(opening.side);
        let server_port = if client == opening.side { opening.to_port } else { opening.from_port };
        let (halves, lines) = (Pair::default(), Pair::default());
        Self { candidates, client, server_port, halves, lines, asked: false, named: false }
    }

    fn bytes(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Step {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let half = &mut self.halves[side];
            if half.start.is_empty() && !half.lost && *first == TLS {
                return Step::Upgrade { rest: rest.len() };
            }
            let end = rest.iter().position(|b| *b == b'\n');
            let (now, later) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            let room = MAX_LINE.saturating_sub(half.start.len());
            half.start.extend_from_slice(now.get(..now.len().min(room)).unwrap_or_default());
            rest = later;
            if end.is_none() {
                break;
            }
            let line = std::mem::take(half);
            if !line.lost {
                let step = self.line(side, line.start.trim_ascii_end(), rest.len(), out);
                if step != Step::More {
                    return step;
                }
            }
        }
        Step::More
    }

    fn line(&mut self, side: Side, line: &[u8], rest: usize, out: &mut Facts) -> Step {
        self.lines[side] += 1;
        let by_client = side == self.client;
        if self.lines[side] == 1 && !by_client {
            let port = self.server_port;
            self.narrow(|language| language.port == port);
            self.narrow(|language| language.is_named_in(line));
            out.push(side, Fact::Detail { key: "greeting", value: Text::from_wire(line) });
        } else if by_client {
            self.narrow(|language| begins(language.untagged(line), language.openings));
        }
        let [language] = *self.candidates else { return Step::More };
        if !std::mem::replace(&mut self.named, true) {
            out.push(side, Fact::Speaks(language.token));
        }
        let words = language.untagged(line);
        if by_client {
            self.asked |= begins(words, language.asking);
            if begins(words, language.revealing) && !begins(words, language.asking) {
                out.push(side, Fact::Clear(language.token));
                return Step::Done;
            }
        } else if self.asked && begins(words, &[language.consent]) {
            return Step::Upgrade { rest };
        }
        if self.lines[side] >= MAX_LINES { Step::Done } else { Step::More }
    }

    /// Keeps the candidates that fit, if any does.
    fn narrow(&mut self, fits: impl Fn(&Language) -> bool) {
        if self.candidates.len() > 1 && self.candidates.iter().any(|language| fits(language)) {
            self.candidates.retain(|language| fits(language));
        }
    }
}

impl Dissector for Conversation {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        match part {
            Part::Bytes(bytes) => self.bytes(side, bytes, out),
            Part::Gap(_) => {
                self.halves[side] = Line { start: Vec::new(), lost: true };
                Step::More
            }
            Part::Datagram(_) | Part::End => Step::More,
        }
    }

    fn held(&self) -> usize {
        self.halves.iter().map(|half| half.start.len()).sum()
    }
}

#[cfg(test)]
mod tests;
