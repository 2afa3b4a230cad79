//! Which conversation a packet belongs to, and which of its two ends sent it.

use std::net::IpAddr;

/// The transports that have conversations with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransportKind {
    Tcp,
    Udp,
}

impl TransportKind {
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The IP protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// One end of a conversation. The address is canonical: never an IPv4-mapped IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End {
    pub address: IpAddr,
    pub port: u16,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::net::SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// The two ends of a conversation, without order: both directions have the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowKey {
    transport: TransportKind,
    low: End,
    high: End,
}

impl FlowKey {
    #[must_use]
    pub fn new(transport: TransportKind, a: End, b: End) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self { transport, low, high }
    }

    #[must_use]
    pub const fn transport(&self) -> TransportKind {
        self.transport
    }
}

/// One write of fixed length: the key is hashed for every packet that is not of a recent flow.
impl std::hash::Hash for FlowKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let mut bytes = [0; 40];
        let (low, rest) = bytes.split_at_mut(16);
        let (high, ports) = rest.split_at_mut(16);
        low.copy_from_slice(&bits(self.low.address).to_le_bytes());
        high.copy_from_slice(&bits(self.high.address).to_le_bytes());
        let both =
            u64::from(self.low.port) | u64::from(self.high.port) << 16 | u64::from(self.transport.number()) << 32;
        ports.copy_from_slice(&both.to_le_bytes());
        state.write(&bytes);
    }
}

/// The end that sent something: `First` is whoever sent the first frame of the flow that was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    First,
    Second,
}

impl Side {
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];
}

/// One value per side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pair<T> {
    pub first: T,
    pub second: T,
}

impl<T> Pair<T> {
    pub const fn new(first: T, second: T) -> Self {
        Self { first, second }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.first, &self.second].into_iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.first, &mut self.second].into_iter()
    }
}

impl<T> std::ops::Index<Side> for Pair<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::First => &self.first,
            Side::Second => &self.second,
        }
    }
}

impl<T> std::ops::IndexMut<Side> for Pair<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_from_both_ends() {
        let a = End { address: IpAddr::from([192, 0, 2, 1]), port: 443 };
        let b = End { address: IpAddr::from([198, 51, 100, 7]), port: 50_000 };
        assert_eq!(FlowKey::new(TransportKind::Tcp, a, b), FlowKey::new(TransportKind::Tcp, b, a));
        assert_ne!(FlowKey::new(TransportKind::Tcp, a, b), FlowKey::new(TransportKind::Udp, a, b));
    }
}
