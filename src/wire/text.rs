//! Text that somebody on the network chose. It prints neutralised; the exact text is for matching and for machines.

use compact_str::CompactString;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write};

/// Untrusted text. `Display` is safe for terminals, logs, pages and file listings; [`Text::exact`] is what was on the
/// wire, for comparing with lists and for JSON. Bytes that are no UTF-8 read as `\xNN`. Most names are short enough (24
/// bytes) to need no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(CompactString);

impl Text {
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Self {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self(text.into());
        }
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            for byte in chunk.invalid() {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        Self(text.into())
    }

    /// A host name: lower-case (ASCII), without the trailing dot.
    #[must_use]
    pub fn host(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        let mut text = Self::from_wire(bytes);
        text.0.make_ascii_lowercase();
        text
    }

    #[must_use]
    pub fn exact(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Untrusted text that somebody else keeps. The same rules as for [`Text`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TextRef<'a>(&'a str);

impl<'a> TextRef<'a> {
    /// `text` may be anything; it is treated as coming from the network.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    #[must_use]
    pub const fn exact(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        neutralise(self.0, f)
    }
}

impl fmt::Debug for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl<'a> From<&'a Text> for TextRef<'a> {
    fn from(text: &'a Text) -> Self {
        Self(&text.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        neutralise(&self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Whether a character could move the cursor, reorder or hide text, or is invisible.
#[must_use]
#[inline]
pub const fn is_treacherous(c: char) -> bool {
    // Almost every character is one of these.
    if matches!(c, ' '..='~') {
        return false;
    }
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' // C0, DEL, C1
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' // zero width, direction marks
        | '\u{2028}'..='\u{202e}' // line separators, bidi embeddings
        | '\u{2060}'..='\u{206f}' // word joiner, bidi isolates
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Writes `text` with every treacherous character as `\u{..}`.
///
/// # Errors
/// Whatever the sink returns.
pub fn neutralise(text: &str, out: &mut impl Write) -> fmt::Result {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) || !text.chars().any(is_treacherous) {
        return out.write_str(text);
    }
    for c in text.chars() {
        if is_treacherous(c) {
            write!(out, "\\u{{{:x}}}", c as u32)?;
        } else {
            out.write_char(c)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_no_character_that_acts_on_a_terminal() {
        let hostile = "a\u{1b}]52;c;x\u{7}b\u{9b}31mc\u{202e}d\u{200b}e\u{0}";
        let shown = Text::from(hostile).to_string();
        assert_eq!(shown, "a\\u{1b}]52;c;x\\u{7}b\\u{9b}31mc\\u{202e}d\\u{200b}e\\u{0}");
        assert!(!shown.chars().any(is_treacherous));
        assert_eq!(Text::from(hostile).exact(), hostile);
    }

    #[test]
    fn host_names_are_lower_case_and_bytes_survive() {
        assert_eq!(Text::host(b"WWW.Example.COM.").exact(), "www.example.com");
        assert_eq!(Text::host(b"a\xff.b").exact(), "a\\xff.b");
    }
}
