//! Protocols in text: the words of the protocol stay, and the host that is asked for; everything else becomes `x` and `0`,
//! one for one, so that what was said can be told from how much.

use super::super::pseudonym::Pseudonyms;

/// Words of HTTP, SIP, RTSP, XMPP, mail, files, news and chat by which the program tells what is spoken and agreed on.
const WORDS: &str = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND REPORT MKCOL MOVE COPY HTTP Host User-Agent \
    Server Content-Length Transfer-Encoding chunked Upgrade Connection close keep-alive INVITE REGISTER ACK BYE \
    CANCEL SUBSCRIBE NOTIFY MESSAGE INFO REFER UPDATE PRACK PUBLISH SIP sip sips tel RTSP DESCRIBE SETUP PLAY \
    TEARDOWN SSH-1 SSH-2 xml version stream starttls proceed failure auth response iq presence xmlns urn ietf \
    params ns xmpp-tls jabber client server features STARTTLS STLS AUTH TLS SSL EHLO HELO LHLO MAIL FROM RCPT TO \
    VRFY EXPN USER PASS ACCT RETR STOR FEAT HOST CAPA APOP OK ERR PREAUTH CAPABILITY LOGIN AUTHENTICATE ID \
    SELECT EXAMINE LIST FETCH UID NO BAD CAPABILITIES MODE READER AUTHINFO GROUP ARTICLE BODY NICK JOIN PRIVMSG \
    CAP LS ESMTP SMTP POP3 IMAP4rev1 FTP QUIT";
/// A line is read so far; what is longer holds content.
pub(super) const MAX_LINE: usize = 2_048;

/// Whether bytes can begin a line of a protocol in text.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.iter().take(4).all(|b| b.is_ascii_graphic() || matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
        && bytes.first().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'<' | b'*' | b'+' | b':'))
}

/// A datagram of SIP or of a discovery in text: its lines up to the empty one, and the rest as zeros.
pub(super) fn message(bytes: &[u8], pseudonyms: &Pseudonyms) -> Option<Vec<u8>> {
    let first = bytes.split(|b| *b == b'\n').next()?.trim_ascii_end();
    if !(first.starts_with(b"SIP/2.0 ") || first.ends_with(b" SIP/2.0")) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        out.extend(self::line(line, pseudonyms));
        if line.trim_ascii().is_empty() {
            break;
        }
    }
    Some(out)
}

/// A line, its end included, as long as it was.
pub(super) fn line(line: &[u8], pseudonyms: &Pseudonyms) -> Vec<u8> {
    let host = host(line).filter(|(at, len)| {
        let name = line.get(*at..at + len).map(String::from_utf8_lossy).unwrap_or_default();
        !pseudonyms.is_own_name(&name)
    });
    let mut out = Vec::with_capacity(line.len());
    let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | 0x80..);
    while let Some(rest) = line.get(out.len()..).filter(|rest| !rest.is_empty()) {
        if let Some((at, len)) = host
            && out.len() == at
        {
            out.extend(rest.iter().take(len));
            continue;
        }
        // A word does not reach into the host.
        let room = host.map_or(usize::MAX, |(at, _)| if at > out.len() { at - out.len() } else { usize::MAX });
        let len = rest.iter().take(room).take_while(|b| is_word(**b)).count();
        if len == 0 {
            // Of what stands between words, what is printed stays.
            let between = rest.first().copied().filter(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
            out.push(between.unwrap_or(b'x'));
            continue;
        }
        let word = rest.get(..len).unwrap_or_default();
        let known = WORDS.split(' ').any(|known| known.as_bytes().eq_ignore_ascii_case(word));
        // Numbers of versions, and a status behind one or at the front of a line.
        let before = out.trim_ascii();
        let behind = |words: &[&[u8]]| words.iter().any(|word| before.ends_with(word));
        let number = word.iter().all(u8::is_ascii_digit)
            && (len == 1 && behind(&[b"HTTP/", b"HTTP/1.", b"SIP/", b"SIP/2.", b"RTSP/", b"RTSP/1."])
                || len == 3 && (before.is_empty() || behind(&[b"HTTP/1.1", b"HTTP/1.0", b"SIP/2.0", b"RTSP/1.0"])));
        if known || number {
            out.extend(word);
        } else {
            out.extend(word.iter().map(|b| match b {
                b'0'..=b'9' => b'0',
                b'-' => b'-',
                _ => b'x',
            }));
        }
    }
    out
}

/// Where in a line the name stands of the host that is asked for.
fn host(line: &[u8]) -> Option<(usize, usize)> {
    let lower = line.to_ascii_lowercase();
    let find = |part: &[u8]| lower.windows(part.len()).position(|w| w == part).map(|at| at + part.len());
    let start = if lower.starts_with(b"host:") {
        5 + line.get(5..)?.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
    } else if lower.starts_with(b"connect ") {
        8
    } else if lower.starts_with(b"<") {
        find(b" to='").or_else(|| find(b" to=\""))?
    } else if lower.trim_ascii_end().ends_with(b" sip/2.0") {
        let sip = find(b" sip:").or_else(|| find(b" sips:"))?;
        let end = lower.get(sip..)?.iter().position(|b| *b == b' ').map(|len| sip + len)?;
        // Behind the user, if one is named.
        lower.get(sip..end)?.iter().rposition(|b| *b == b'@').map_or(sip, |at| sip + at + 1)
    } else if lower.windows(8).any(|w| w == b" http/1.") {
        find(b" http://")?
    } else {
        return None;
    };
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let rest = line.get(start..)?;
    let len = rest.iter().take_while(|b| is_name(b)).count();
    // A user in front of it is no host.
    (len > 0 && rest.get(len) != Some(&b'@')).then_some((start, len))
}

#[cfg(test)]
mod tests {
    use super::super::super::pseudonym::PseudonymKey;
    use super::*;
    use std::collections::BTreeSet;

    fn hidden(text: &str) -> String {
        let of = Pseudonyms::new(PseudonymKey::from(&[1; 32]), &BTreeSet::new(), ["muster.example".into()].into());
        let out = line(text.as_bytes(), &of);
        assert_eq!(out.len(), text.len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_of_the_protocol_and_hosts_of_others_stay() {
        for (text, expected) in [
            ("POST /secret/42?user=anna HTTP/1.1\r\n", "POST /xxxxxx/00?USER=xxxx HTTP/1.1\r\n"),
            ("Host: ocsp.digicert.com:80\r\n", "Host: ocsp.digicert.com:00\r\n"),
            ("Host: nas.muster.example\r\n", "Host: xxx.xxxxxx.xxxxxxx\r\n"),
            ("host: 192.168.178.1\r\n", "host: 000.000.000.0\r\n"),
            ("CONNECT meet.example.org:443 HTTP/1.1\r\n", "CONNECT meet.example.org:000 HTTP/1.1\r\n"),
            ("GET http://www.example.org/a?b HTTP/1.1\r\n", "GET http://www.example.org/x?x HTTP/1.1\r\n"),
            ("HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n"),
            ("Authorization: Basic YW5uYTpnZWhlaW0=\r\n", "xxxxxxxxxxxxx: xxxxx xx0xxxxxxxxxxx0=\r\n"),
            ("INVITE sip:anna@sip.example.org;x=y SIP/2.0\r\n", "INVITE sip:xxxx@sip.example.org;x=x SIP/2.0\r\n"),
            ("EHLO laptop.muster.example\r\n", "EHLO xxxxxx.xxxxxx.xxxxxxx\r\n"),
            ("SSH-2.0-OpenSSH_9.6 zwiebel\r\n", "SSH-2.0-xxxxxxx_0.0 xxxxxxx\r\n"),
            ("a1 STARTTLS\r\n", "x0 STARTTLS\r\n"),
            (
                "<stream:stream from='anna@im.example' to='im.example' >",
                "<stream:stream FROM='xxxx@xx.xxxxxxx' TO='im.example' >",
            ),
            ("M\u{fc}ller\r\n", "xxxxxxx\r\n"),
        ] {
            let out = hidden(text);
            assert!(out.eq_ignore_ascii_case(expected), "{out} for {expected}");
        }
    }
}
