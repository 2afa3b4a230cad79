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

    /// The first `count` of these characters behind those that are there.
    #[inline]
    fn push(&mut self, characters: [u8; 4], count: usize) {
        if let Some(place) = self.text.get_mut(self.len..self.len + 4) {
            place.copy_from_slice(&characters);
            self.len += count;
        }
    }

    /// Four digits at a time.
    #[inline]
    fn push_digits(&mut self, n: u32) {
        let ([d3, d2], [d1, d0]) = (pair(n / 100), pair(n));
        self.push([d3, d2, d1, d0], 4);
    }

    /// A number below 10,000, without leading zeros.
    #[inline]
    fn push_number(&mut self, n: u32) {
        let [d1, d0] = pair(n);
        if n < 10 {
            return self.push([d0, 0, 0, 0], 1);
        }
        if n < 100 {
            return self.push([d1, d0, 0, 0], 2);
        }
        match pair(n / 100) {
            [b'0', d2] => self.push([d2, d1, d0, 0], 3),
            [d3, d2] => self.push([d3, d2, d1, d0], 4),
        }
    }

    fn push_large(&mut self, n: u64) {
        if n >= 10_000 {
            self.push_large(n / 10_000);
            self.push_digits((n % 10_000) as u32);
        } else {
            self.push_number(n as u32);
        }
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
    let mut out = Short { text: [0; 20], len: 0 };
    match u32::try_from(n) {
        Ok(n @ 0..10_000) => out.push_number(n),
        Ok(n @ 10_000..100_000_000) => {
            out.push_number(n / 10_000);
            out.push_digits(n % 10_000);
        }
        _ => out.push_large(n),
    }
    out
}

/// An address as `192.0.2.1`.
#[must_use]
#[inline]
pub fn dotted(v4: Ipv4Addr) -> Short<16> {
    let mut out = Short { text: [0; 16], len: 0 };
    for octet in v4.octets() {
        let n = u32::from(octet);
        match octet {
            0..10 => out.push([digit(n), b'.', 0, 0], 2),
            10..100 => {
                let [d1, d0] = pair(n);
                out.push([d1, d0, b'.', 0], 3);
            }
            100.. => {
                let [d1, d0] = pair(n);
                out.push([digit(n / 100), d1, d0, b'.'], 4);
            }
        }
    }
    // Without the last dot.
    out.len -= 1;
    out
}

const fn digit(n: u32) -> u8 {
    b'0' + (n % 10) as u8
}

/// The last two digits.
#[must_use]
#[inline]
pub fn pair(n: u32) -> [u8; 2] {
    #[expect(clippy::indexing_slicing, reason = "known when it is compiled")]
    const PAIRS: [[u8; 2]; 100] = {
        let mut pairs = [[0; 2]; 100];
        let mut n = 0;
        while n < 100 {
            pairs[n] = [digit(n as u32 / 10), digit(n as u32)];
            n += 1;
        }
        pairs
    };
    PAIRS.get(n as usize % 100).copied().unwrap_or_default()
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
