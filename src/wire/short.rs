//! Short texts that are made by the hundred thousand: numbers and addresses, without an allocation or a formatter.

use std::net::Ipv4Addr;

/// A few ASCII characters. They are copied with all their room, whose length the compiler knows, and then cut.
#[derive(Debug, Clone, Copy)]
pub struct Short<const N: usize> {
    text: [u8; N],
    len: usize,
}

impl<const N: usize> Short<N> {
    /// The first `len` of these characters.
    #[must_use]
    pub const fn new(text: [u8; N], len: usize) -> Self {
        Self { text, len }
    }

    #[inline]
    pub fn add_to(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend_from_slice(&self.text);
        out.truncate(end);
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

/// A number in decimal.
#[must_use]
#[inline]
pub fn decimal(n: u64) -> Short<20> {
    let len = n.checked_ilog10().unwrap_or_default() as usize + 1;
    let mut text = [0; 20];
    let mut rest = n;
    for place in text.iter_mut().take(len).rev() {
        *place = digit(rest);
        rest /= 10;
    }
    Short { text, len }
}

/// An address as `192.0.2.1`.
#[must_use]
#[inline]
pub fn dotted(v4: Ipv4Addr) -> Short<16> {
    let (mut text, mut len) = ([0; 16], 0);
    for octet in v4.octets() {
        let n = u64::from(octet);
        let (digits, count) = match octet {
            0..10 => ([digit(n), b'.', 0, 0], 2),
            10..100 => ([digit(n / 10), digit(n), b'.', 0], 3),
            100.. => ([digit(n / 100), digit(n / 10), digit(n), b'.'], 4),
        };
        if let Some(place) = text.get_mut(len..len + 4) {
            place.copy_from_slice(&digits);
        }
        len += count;
    }
    // Without the last dot.
    Short { text, len: len - 1 }
}

const fn digit(n: u64) -> u8 {
    b'0' + (n % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_read_as_the_standard_library_writes_them() {
        for n in (0..20).flat_map(|zeros| [10_u64.pow(zeros) - 1, 10_u64.pow(zeros)]).chain([7, 120, u64::MAX]) {
            assert_eq!(decimal(n).as_str(), n.to_string());
        }
        for octet in 0..=255 {
            let v4 = Ipv4Addr::new(octet, 0, 255, octet);
            assert_eq!(dotted(v4).as_str(), v4.to_string());
        }
        let mut out = b"a ".to_vec();
        dotted(Ipv4Addr::BROADCAST).add_to(&mut out);
        decimal(3).add_to(&mut out);
        assert_eq!(out, b"a 255.255.255.2553");
    }
}
