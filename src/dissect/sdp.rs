//! Session descriptions (SDP, RFC 8866) in the clear: which media go to which end, and in which formats.

use super::fact::MediaKind;
use crate::wire::{End, canonical};
use std::fmt::Write;
use std::net::IpAddr;

/// Descriptions of media that are read of one message, and of each the ends and formats kept.
const MAX_MEDIA: usize = 8;
const MAX_ENDS: usize = 16;
const MAX_FORMATS: usize = 8;
/// The longest name of a format, in bytes; those that are registered have fewer than 20.
const MAX_FORMAT: usize = 32;
/// The port that stands where candidates follow later (RFC 8840 §4.1.1).
const DISCARD: u16 = 9;

/// One `m=` line and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Media<'a> {
    /// `audio`, `video`, `application` ...
    name: &'a str,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF` ...
    protocol: &'a str,
    port: u16,
    address: Option<IpAddr>,
    slides: bool,
    /// The keys of SRTP stand in the description itself (RFC 4568 §6.1).
    pub(super) keys: bool,
    /// Addresses of candidates for the media itself (RFC 8839 §5.1).
    candidates: Vec<End>,
    /// Payload types in the order of preference, with the name of the format.
    formats: Vec<(u8, &'a str)>,
}

impl Media<'_> {
    /// Where it is to be sent: the line's own end, then candidates.
    pub(super) fn ends(&self) -> impl Iterator<Item = End> {
        let own = self.address.map(|address| End { address, port: self.port });
        own.into_iter()
            .chain(self.candidates.iter().copied())
            .filter(|end| !matches!(end.port, 0 | DISCARD) && !end.address.is_unspecified())
    }

    /// The kind, if it goes over RTP.
    pub(super) fn kind(&self) -> Option<MediaKind> {
        match self.name {
            _ if !self.protocol.split('/').any(|part| part == "RTP") => None,
            "audio" => Some(MediaKind::Audio),
            "video" if self.slides => Some(MediaKind::Screen),
            "video" => Some(MediaKind::Video),
            _ => None,
        }
    }
}

/// `audio at 192.0.2.1:4000 (RTP/AVP: PCMU, opus)`.
impl std::fmt::Display for Media<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)?;
        if let Some(address) = self.address {
            write!(f, " at {}", End { address, port: self.port })?;
        }
        write!(f, " ({}", self.protocol)?;
        let mut before = ": ";
        for (_, name) in self.formats.iter().filter(|(_, name)| !name.is_empty()) {
            write!(f, "{before}{name}")?;
            before = ", ";
        }
        f.write_char(')')
    }
}

/// The descriptions in a message, from its first `m=` line on.
pub(super) fn read(message: &[u8]) -> Vec<Media<'_>> {
    let mut session = None;
    let mut found: Vec<Media<'_>> = Vec::new();
    for line in message.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end) {
        let Some((kind, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once('=')) else {
            continue;
        };
        if kind == "m" {
            if found.len() >= MAX_MEDIA {
                break;
            }
            found.extend(media(value, session));
            continue;
        }
        match (kind, found.last_mut()) {
            ("c", None) => session = connection(value),
            // A line of its own counts before that of the session.
            ("c", Some(media)) => media.address = connection(value).or(media.address),
            ("a", Some(media)) => attribute(media, value),
            _ => {}
        }
    }
    found
}

fn media(value: &str, address: Option<IpAddr>) -> Option<Media<'_>> {
    let mut words = value.split(' ');
    let (name, port, protocol) = (words.next()?, words.next()?, words.next()?);
    // A number of ports may follow.
    let port = port.split('/').next()?.parse().ok()?;
    let formats = words.filter_map(|word| word.parse().ok()).map(|number| (number, static_format(number)));
    let formats = formats.take(MAX_FORMATS).collect();
    Some(Media { name, protocol, port, address, slides: false, keys: false, candidates: Vec::new(), formats })
}

/// `IN IP4 192.0.2.1/127`.
fn connection(value: &str) -> Option<IpAddr> {
    let address = value.strip_prefix("IN IP4 ").or_else(|| value.strip_prefix("IN IP6 "))?;
    address.split('/').next()?.parse().ok().map(canonical)
}

fn attribute<'a>(media: &mut Media<'a>, value: &'a str) {
    let Some((name, value)) = value.split_once(':') else { return };
    match name {
        // `111 opus/48000/2`, RFC 8866 §6.6.
        "rtpmap" => {
            let Some((number, encoding)) = value.split_once(' ') else { return };
            let encoding = encoding.split('/').next().unwrap_or_default();
            let known = media.formats.iter_mut().find(|(known, _)| number.parse() == Ok(*known));
            if let Some((_, name)) = known.filter(|_| encoding.len() <= MAX_FORMAT) {
                *name = encoding;
            }
        }
        // RFC 4796 §5.
        "content" => media.slides |= value.split(',').any(|what| what == "slides"),
        "crypto" => media.keys |= value.contains(" inline:"),
        "candidate" if media.candidates.len() < MAX_ENDS => media.candidates.extend(candidate(value)),
        _ => {}
    }
}

/// `1 1 UDP 2130706431 192.0.2.1 5000 typ host`; only component 1, which is the media, and no names.
fn candidate(value: &str) -> Option<End> {
    let mut words = value.split(' ').skip(1);
    words.next().filter(|component| *component == "1")?;
    let mut words = words.skip(2);
    let (address, port) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(End { address: canonical(address), port })
}

/// Formats that need no `rtpmap`, RFC 3551 §6.
const fn static_format(number: u8) -> &'static str {
    match number {
        0 => "PCMU",
        3 => "GSM",
        4 => "G723",
        8 => "PCMA",
        9 => "G722",
        13 => "CN",
        15 => "G728",
        18 => "G729",
        26 => "JPEG",
        31 => "H261",
        34 => "H263",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(media: &Media<'_>) -> Vec<String> {
        media.ends().map(|end| end.to_string()).collect()
    }

    #[test]
    fn media_lines_are_read_with_what_belongs_to_them() {
        let message = b"v=0\r\nc=IN IP4 192.0.2.1\r\na=ice-lite\r\nm=audio 4000 RTP/AVP 0 111 101\r\na=rtpmap:111 opus/48000/2\r\n\
            a=rtpmap:101 telephone-event/8000\r\nm=video 4002/2 RTP/SAVP 96\r\nc=IN IP6 2001:db8::7\r\na=rtpmap:96 H264/90000\r\n\
            a=rtpmap:97 VP8/90000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d2VhayBrZXk=\r\nm=video 4004 RTP/AVP 34\r\na=content:slides,alt\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
            m=audio 0 RTP/AVP 8\r\n";
        let read = read(message);
        let told: Vec<_> = read.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "audio at 192.0.2.1:4000 (RTP/AVP: PCMU, opus, telephone-event)",
                "video at [2001:db8::7]:4002 (RTP/SAVP: H264)",
                "video at 192.0.2.1:4004 (RTP/AVP: H263)",
                "application at 192.0.2.1:9 (UDP/DTLS/SCTP)",
                "audio at 192.0.2.1:0 (RTP/AVP: PCMA)",
            ]
        );
        let kinds: Vec<_> = read.iter().map(Media::kind).collect();
        let (audio, video, screen) = (Some(MediaKind::Audio), Some(MediaKind::Video), Some(MediaKind::Screen));
        assert_eq!(kinds, [audio, video, screen, None, audio]);
        // What is refused, or has its candidates elsewhere, goes to no end.
        assert_eq!((ends(&read[3]), ends(&read[4])), (vec![], vec![]));
        let keys: Vec<_> = read.iter().map(|media| media.keys).collect();
        assert_eq!(keys, [false, true, false, false, false]);
    }

    #[test]
    fn candidates_are_ends_too() {
        let message = b"m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host\n\
            a=candidate:1 2 UDP 2130706430 192.0.2.1 5001 typ host\na=candidate:2 1 udp 1 a.local 5002 typ host\n\
            a=candidate:3 1 tcp 1 198.51.100.2 443 typ relay raddr 0.0.0.0 rport 0\na=candidate:4 1";
        assert_eq!(ends(&read(message)[0]), ["192.0.2.1:5000", "198.51.100.2:443"]);
    }

    #[test]
    fn what_is_read_is_bounded_and_nothing_panics() {
        let line = b"m=audio 4000 RTP/AVP 0 1 2 3 4 5 6 7 8 9 10 11 12\n".to_vec();
        let many = [line, b"a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host\n".repeat(100)].concat().repeat(20);
        let read_all = read(&many);
        assert_eq!(
            (read_all.len(), read_all[0].candidates.len(), read_all[0].formats.len()),
            (MAX_MEDIA, MAX_ENDS, MAX_FORMATS)
        );
        for text in [
            "m=",
            "m=audio",
            "m=audio x RTP/AVP",
            "m=audio 70000 RTP/AVP 0",
            "a=rtpmap:",
            "=",
            "m=a 1 b\na=rtpmap:0",
            "\u{0}",
        ] {
            for end in 0..=text.len() {
                let _ = read(text.as_bytes().get(..end).unwrap_or_default());
            }
        }
        assert_eq!(read(b"m=audio 1 RTP/AVP 0\nc=IN IP4 nowhere\n").remove(0).address, None);
    }
}
