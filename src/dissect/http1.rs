//! HTTP/1 in the clear (RFC 9112): hosts asked for, proxies, and tunnels opened through them.

use super::fact::{Fact, Facts, Hidden, NameSource};
use super::{Dissector, Opening, Part, Probe, Protocol, Step};
use crate::wire::{Fault, FaultKind, Layer, Pair, Side, Text, TransportKind};

/// Bytes of request or status line and header fields together; servers refuse more than 8 to 16 KiB.
const MAX_HEAD: usize = 16 * 1024;
/// Bytes of a software name that are kept.
const MAX_SOFTWARE: usize = 256;
/// Bytes that may come after an answer without any request: one that was captured late or is the next one would have
/// come by then; else the capture holds one direction only.
const PATIENCE: usize = 64 * 1024;
/// Requests read on one connection to a proxy, each of which may name another host.
const MAX_REQUESTS: u32 = 256;
/// Methods by which a request is recognised: RFC 9110 §9, RFC 5789, and those of WebDAV that clients begin with.
const METHODS: [&[u8]; 14] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
    b"PROPFIND ",
    b"REPORT ",
    b"MKCOL ",
    b"MOVE ",
    b"COPY ",
];

pub(super) const TCP: Protocol = Protocol {
    name: "http",
    transport: TransportKind::Tcp,
    specification: "RFC 9110, RFC 9112",
    probe,
    make: |_| Box::<Http>::default(),
};

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.bytes;
    let starts = |word: &&[u8]| bytes.starts_with(word);
    let may_become = |word: &&[u8]| word.starts_with(bytes);
    if bytes.starts_with(b"HTTP/1.") {
        return Probe::Yes;
    }
    if METHODS.iter().any(may_become) || b"HTTP/1.".starts_with(bytes) {
        return Probe::Maybe;
    }
    if !METHODS.iter().any(starts) {
        return Probe::No;
    }
    // SIP, RTSP and others borrow the methods: the line must end in HTTP's version. A line that does not end within the
    // opening has an address too long for any of those.
    match bytes.iter().position(|b| *b == b'\n') {
        Some(end) if bytes.get(..end).is_some_and(|line| request(line).is_some()) => Probe::Yes,
        Some(_) => Probe::No,
        None if bytes.len() >= 400 => Probe::Yes,
        None => Probe::Maybe,
    }
}

/// Method and target of a request line.
fn request(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_end();
    let mut words = line.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let (method, target, version) = (words.next()?, words.next()?, words.next_back()?);
    version.starts_with(b"HTTP/1.").then_some((method, target))
}

/// Reads a connection until both sides have said who they are; with a proxy, for every host.
#[derive(Debug, Default)]
struct Http {
    halves: Pair<Half>,
    requests: u32,
    /// The side that asked a proxy for a tunnel and has no answer yet.
    tunnel: Option<Side>,
    proxied: bool,
    answered: bool,
    /// Bytes since an answer that nobody had asked for.
    unasked: usize,
    last_name: Option<Text>,
    told_user_agent: bool,
    told_server: bool,
}

/// What one side is in the middle of.
#[derive(Debug)]
enum Half {
    Head(Vec<u8>),
    /// So many bytes of content to pass over.
    Body(u64),
    /// Content of unknown length: nothing more is read.
    Silent,
}

impl Default for Half {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Dissector for Http {
    fn accept(&mut self, side: Side, part: Part<'_>, out: &mut Facts) -> Step {
        match part {
            Part::Bytes(bytes) => self.bytes(side, bytes, out),
            Part::Gap(len) => {
                self.halves[side] = match self.halves[side] {
                    Half::Body(left) if left >= len => Half::Body(left - len),
                    _ => Half::Silent,
                };
                self.verdict()
            }
            Part::End | Part::Datagram(_) => Step::More,
        }
    }

    fn held(&self) -> usize {
        self.halves.iter().map(|half| if let Half::Head(held) = half { held.len() } else { 0 }).sum()
    }
}

impl Http {
    fn bytes(&mut self, side: Side, bytes: &[u8], out: &mut Facts) -> Step {
        // A tunnel whose consent was not captured: TLS shows that it is open.
        if self.tunnel == Some(side) && bytes.starts_with(&[0x16, 3]) {
            return Step::Upgrade { rest: bytes.len() };
        }
        if self.answered && self.requests == 0 {
            self.unasked += bytes.len();
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.halves[side] {
                Half::Silent => break,
                Half::Body(left) => {
                    let passed = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= passed as u64;
                    rest = rest.get(passed..).unwrap_or_default();
                    if *left == 0 {
                        self.halves[side] = Half::default();
                    }
                }
                Half::Head(held) => {
                    let before = held.len();
                    held.extend_from_slice(rest);
                    // Empty lines between messages are tolerated, RFC 9112 §2.2.
                    let start = held.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(held.len());
                    let Some(end) = end_of_head(held, start.max(before.saturating_sub(3))) else {
                        if held.len() > MAX_HEAD {
                            return Step::GiveUp(Fault::new(Layer::Application, FaultKind::Limit, before, "http head"));
                        }
                        break;
                    };
                    let taken = std::mem::take(held);
                    rest = rest.get(end.saturating_sub(before)..).unwrap_or_default();
                    let step = self.head(side, taken.get(start..end).unwrap_or_default(), rest.len(), out);
                    if step != Step::More {
                        return step;
                    }
                }
            }
        }
        self.verdict()
    }

    fn verdict(&self) -> Step {
        let told = self.requests > 0 && self.answered && self.tunnel.is_none();
        let deaf = self.halves.iter().all(|half| matches!(half, Half::Silent));
        let enough = self.requests >= MAX_REQUESTS || self.unasked > PATIENCE;
        if deaf || enough || told && !self.proxied { Step::Done } else { Step::More }
    }

    fn head(&mut self, side: Side, head: &[u8], rest: usize, out: &mut Facts) -> Step {
        let mut lines = head.split(|b| *b == b'\n');
        let first = lines.next().unwrap_or_default();
        let fields = Fields::read(lines);
        if self.requests == 0 && !self.answered {
            out.push(side, Fact::Speaks("http"));
        }
        if let Some(status) = first.strip_prefix(b"HTTP/1.") {
            self.response(side, status, &fields, rest, out)
        } else if let Some((method, target)) = request(first) {
            self.request(side, method, target, &fields, out);
            self.verdict()
        } else {
            Step::GiveUp(Fault::new(Layer::Application, FaultKind::Malformed, 0, "http start line"))
        }
    }

    fn request(&mut self, side: Side, method: &[u8], target: &[u8], fields: &Fields<'_>, out: &mut Facts) {
        self.requests += 1;
        if method == b"CONNECT" {
            self.tunnel = Some(side);
            self.through_proxy(side, out);
            self.named(side, host_of(target), NameSource::HttpConnect, out);
        } else {
            if self.requests == 1 && !self.answered {
                out.push(side, Fact::Clear("http"));
            }
            let name = match authority(target) {
                Some(authority) => {
                    self.through_proxy(side, out);
                    Some(host_of(authority))
                }
                None => fields.host.map(host_of),
            };
            if let Some(name) = name {
                self.named(side, name, NameSource::HttpHost, out);
            }
        }
        software(&mut self.told_user_agent, side, fields.user_agent, out);
        self.halves[side] = fields.body();
    }

    fn through_proxy(&mut self, side: Side, out: &mut Facts) {
        if !std::mem::replace(&mut self.proxied, true) {
            out.push(side, Fact::Hidden(Hidden::Proxy));
        }
    }

    fn named(&mut self, side: Side, host: &[u8], how: NameSource, out: &mut Facts) {
        let name = Text::host(host);
        if !name.is_empty() && self.last_name.as_ref() != Some(&name) {
            self.last_name = Some(name.clone());
            out.push(side, Fact::Named { name, how });
        }
    }

    fn response(&mut self, side: Side, status: &[u8], fields: &Fields<'_>, rest: usize, out: &mut Facts) -> Step {
        // Behind "HTTP/1." come the minor version, a space and three digits.
        let class = status.get(2).copied().unwrap_or_default();
        if self.requests == 0 && !self.answered {
            out.push(side, Fact::Clear("http"));
        }
        software(&mut self.told_server, side, fields.server, out);
        let tunnel = self.tunnel.is_some_and(|asker| asker != side);
        if tunnel && class == b'2' {
            return Step::Upgrade { rest };
        }
        if class == b'1' {
            return Step::More;
        }
        if tunnel {
            self.tunnel = None;
        }
        self.answered = true;
        // 204 and 304 have no content whatever they say, RFC 9110 §6.4.1.
        let empty = matches!(status.get(2..5), Some(b"204" | b"304"));
        self.halves[side] = match fields.length {
            _ if empty => Half::default(),
            None => Half::Silent,
            Some(_) => fields.body(),
        };
        self.verdict()
    }
}

/// The few header fields that matter.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    server: Option<&'a [u8]>,
    length: Option<u64>,
    chunked: bool,
}

impl<'a> Fields<'a> {
    fn read(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut fields = Self::default();
        for line in lines {
            let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
            let (name, value) = line.split_at(colon);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            match name.to_ascii_lowercase().as_slice() {
                // The first stands: a second Host is an attempt to confuse (RFC 9112 §3.2).
                b"host" => fields.host = fields.host.or(Some(value)),
                b"user-agent" => fields.user_agent = Some(value),
                b"server" => fields.server = Some(value),
                b"content-length" => fields.length = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()),
                b"transfer-encoding" => fields.chunked = true,
                _ => {}
            }
        }
        fields
    }

    /// What follows the head of a request.
    fn body(&self) -> Half {
        match self.length {
            _ if self.chunked => Half::Silent,
            None | Some(0) => Half::default(),
            Some(length) => Half::Body(length),
        }
    }
}

fn software(told: &mut bool, side: Side, name: Option<&[u8]>, out: &mut Facts) {
    if let Some(name) = name.and_then(|name| name.get(..name.len().min(MAX_SOFTWARE))).filter(|name| !name.is_empty())
        && !std::mem::replace(told, true)
    {
        out.push(side, Fact::Software(Text::from_wire(name)));
    }
}

/// Where the empty line behind a head ends; `from` is where the search begins.
fn end_of_head(held: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let line = at + held.get(at..)?.iter().position(|b| *b == b'\n')? + 1;
        match held.get(line..)? {
            [b'\n', ..] => return Some(line + 1),
            [b'\r', b'\n', ..] => return Some(line + 2),
            _ => at = line,
        }
    }
}

/// Host and port of a target in absolute form (RFC 9112 §3.2.2), which only proxies are sent.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme = target.get(..7)?.eq_ignore_ascii_case(b"http://");
    let rest = target.get(7..).filter(|_| scheme)?;
    let authority = rest.split(|b| matches!(b, b'/' | b'?' | b'#')).next()?;
    authority.rsplit(|b| *b == b'@').next()
}

/// The host without its port and without the brackets of an IPv6 address.
fn host_of(authority: &[u8]) -> &[u8] {
    match authority {
        [b'[', rest @ ..] => rest.split(|b| *b == b']').next().unwrap_or_default(),
        _ => authority.split(|b| *b == b':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
