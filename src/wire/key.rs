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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// A pair of values, one per side.
impl<T> std::ops::Index<Side> for [T; 2] {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        let [first, second] = self;
        match side {
            Side::First => first,
            Side::Second => second,
        }
    }
}

impl<T> std::ops::IndexMut<Side> for [T; 2] {
    fn index_mut(&mut self, side: Side) -> &mut T {
        let [first, second] = self;
        match side {
            Side::First => first,
            Side::Second => second,
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
