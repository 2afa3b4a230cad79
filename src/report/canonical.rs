//! JSON in one form (RFC 8785): members in the order of their keys, numbers as ECMAScript writes them, no white space. With
//! one exception, for whoever lets a terminal print it: characters that act on a terminal or turn the direction of writing
//! stay escaped (`\u202e`), where RFC 8785 §3.2.2.2 has them bare. Text without such characters is canonical to the byte.

use super::row::{all, escape};
use serde::Serialize;
use std::io::{self, Write};

/// A value in this form. Keys are the identifiers of this program: ASCII, which sorts as its UTF-16 does (§3.2.3).
pub(super) fn canonical(value: &(impl Serialize + ?Sized)) -> io::Result<Vec<u8>> {
    let (mut json, mut out) = (Vec::new(), Vec::new());
    serialise(value, &mut json)?;
    canonicalise(&json, &mut out);
    Ok(out)
}

/// Adds a value as JSON that is harmless, but not yet in this form.
pub(super) fn serialise(value: &(impl Serialize + ?Sized), json: &mut Vec<u8>) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(json, Harmless))?;
    Ok(())
}

/// Adds the JSON value, which this program wrote, in this form.
pub(super) fn canonicalise(json: &[u8], out: &mut Vec<u8>) {
    value(json, out);
}

/// Writes strings like the tables do.
struct Harmless;

impl serde_json::ser::Formatter for Harmless {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if all(fragment.as_bytes(), |b| matches!(b, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        // Fragments hold no quote, backslash or control character: those were escaped before.
        let mut escaped = Vec::with_capacity(fragment.len() + 16);
        escape(fragment, &mut escaped);
        writer.write_all(&escaped)
    }
}

/// Adds the first value of `json` and gives what follows it.
fn value<'j>(json: &'j [u8], out: &mut Vec<u8>) -> &'j [u8] {
    match json.first() {
        Some(b'{') => object(json, out),
        Some(b'[') => array(json, out),
        Some(b'"') => taken(json, end_of_string(json), out),
        _ => {
            let end = json.iter().position(|b| matches!(b, b',' | b']' | b'}' | b'\n')).unwrap_or(json.len());
            let (token, rest) = json.split_at(end);
            // Whole numbers are written in one way only.
            let fraction = token.iter().any(|b| matches!(b, b'.' | b'e' | b'E'));
            match std::str::from_utf8(token).ok().and_then(|text| text.parse().ok()).filter(|_| fraction) {
                Some(n) => number(n, out),
                None => out.extend_from_slice(token),
            }
            rest
        }
    }
}

fn taken<'j>(json: &'j [u8], end: usize, out: &mut Vec<u8>) -> &'j [u8] {
    let (first, rest) = json.split_at(end);
    out.extend_from_slice(first);
    rest
}

/// Where a byte stands first. Sixteen at a time: texts are long.
fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<16>();
    let without = blocks.iter().take_while(|block| all(*block, |b| b != byte)).count() * 16;
    Some(without + bytes.get(without..)?.iter().position(|b| *b == byte)?)
}

/// Behind the closing quote.
fn end_of_string(json: &[u8]) -> usize {
    let mut at = 1;
    loop {
        let rest = json.get(at..).unwrap_or_default();
        let Some(quote) = find(rest, b'"') else { return json.len() };
        at += quote + 1;
        let before = rest.iter().take(quote).rev().take_while(|b| **b == b'\\').count();
        if before.is_multiple_of(2) {
            return at;
        }
    }
}

fn array<'j>(json: &'j [u8], out: &mut Vec<u8>) -> &'j [u8] {
    let mut rest = json;
    loop {
        // The bracket, or the comma.
        rest = taken(rest, rest.len().min(1), out);
        match rest.first() {
            Some(b']') => return taken(rest, 1, out),
            None => return rest,
            Some(_) => rest = value(rest, out),
        }
        if rest.first() == Some(&b']') {
            return taken(rest, 1, out);
        }
    }
}

fn object<'j>(json: &'j [u8], out: &mut Vec<u8>) -> &'j [u8] {
    let mut rest = json.get(1..).unwrap_or_default();
    out.push(b'{');
    let start = out.len();
    let mut members = Vec::new();
    while let Some(b'"') = rest.first() {
        let member = out.len();
        let (key, behind) = rest.split_at(end_of_string(rest));
        out.extend_from_slice(key);
        out.push(b':');
        rest = value(behind.get(1..).unwrap_or_default(), out);
        members.push((key, member..out.len()));
        out.push(b',');
        rest = rest.strip_prefix(b",").unwrap_or(rest);
    }
    if !members.is_sorted_by_key(|(key, _)| *key) {
        let written = out.split_off(start);
        members.sort_by_key(|(key, _)| *key);
        for (_, range) in &members {
            out.extend_from_slice(written.get(range.start - start..range.end - start).unwrap_or_default());
            out.push(b',');
        }
    }
    if !members.is_empty() {
        out.pop();
    }
    out.push(b'}');
    rest.get(1..).unwrap_or_default()
}

/// A number as ECMAScript's `Number::toString` (ECMA-262 §6.1.6.1.20) writes it.
fn number(n: f64, out: &mut Vec<u8>) {
    // Shortest digits that read back as the same number, the even one of two that are as near: Rust's own formatting takes
    // the upper one there.
    let shortest = serde_json::Number::from_f64(n.abs()).map_or_else(String::new, |n| n.to_string());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    // Where the point stands, counted from the first significant digit.
    let leading = digits.len() - significant.len();
    let point = exponent.parse::<isize>().unwrap_or_default() + whole.len().cast_signed() - leading.cast_signed();
    let digits = significant.trim_end_matches('0');
    if digits.is_empty() {
        return out.push(b'0');
    }
    let zeros = |n: isize| "0".repeat(n.unsigned_abs());
    let count = digits.len().cast_signed();
    let text = match point {
        _ if (count..=21).contains(&point) => format!("{digits}{}", zeros(point - count)),
        1..=21 => {
            let (whole, rest) = digits.split_at(point.unsigned_abs());
            format!("{whole}.{rest}")
        }
        -5..=0 => format!("0.{}{digits}", zeros(point)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            format!("{first}{dot}{rest}e{:+}", point - 1)
        }
    };
    out.extend_from_slice(if n < 0.0 { b"-" } else { b"" });
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(json: &str) -> String {
        let mut out = Vec::new();
        canonicalise(json.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// RFC 8785, appendix B: doubles by their bits.
    #[test]
    fn numbers_are_those_of_the_standard() {
        for (bits, text) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let mut out = Vec::new();
            number(f64::from_bits(bits), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text, "{bits:x}");
        }
    }

    #[test]
    fn members_stand_in_the_order_of_their_keys() {
        let json = r#"{"b":[{"z":1,"a":[]},{}],"aa":"x\"},{\\","a":{"c":null,"b":{"y":25.0,"x":1.500}},"B":-0.0}"#;
        let form_of_it = r#"{"B":0,"a":{"b":{"x":1.5,"y":25},"c":null},"aa":"x\"},{\\","b":[{"a":[],"z":1},{}]}"#;
        assert_eq!(form(json), form_of_it);
        assert_eq!(form(form_of_it), form_of_it);
        for scalar in ["true", "null", "\"\"", "[]", "[1,[2]]", "{}", "12"] {
            assert_eq!(form(scalar), scalar);
        }
    }
}
