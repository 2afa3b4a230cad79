//! How long an answer took, as seen where the capture was taken. It never says less than it took: what is unknown of the
//! stamps is added.

use super::{FrameNo, Timestamp};

/// What was asked and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TripKind {
    /// SYN and its SYN/ACK. Whoever splits the connection on the way answers in the server's place.
    TcpHandshake,
    /// Data and its acknowledgment, told from one of an earlier copy by the timestamp that it echoes (RFC 7323 §4). Whoever
    /// splits the connection acknowledges in the server's place.
    TcpData,
    /// ClientHello and what the holder of the key says to it; includes the server's work.
    TlsHello,
    QuicHello,
    DtlsHello,
    /// STUN request and the response with its transaction id.
    Stun,
}

impl TripKind {
    /// Whether the host's TCP answered, not what runs on it.
    #[must_use]
    pub const fn is_tcp(self) -> bool {
        matches!(self, Self::TcpHandshake | Self::TcpData)
    }

    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::TcpHandshake => "tcp-handshake",
            Self::TcpData => "tcp-data",
            Self::TlsHello => "tls-hello",
            Self::QuicHello => "quic-hello",
            Self::DtlsHello => "dtls-hello",
            Self::Stun => "stun",
        }
    }
}

/// One question and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoundTrip {
    /// Between the stamps, in nanoseconds.
    pub nanos: u64,
    /// What the clock of the stamps counts in, in nanoseconds: the answer may have taken so much longer.
    pub unit: u32,
    pub kind: TripKind,
    pub asked: FrameNo,
    pub answered: FrameNo,
}

impl RoundTrip {
    /// `None` if the clock did not go forward in between: then nothing can be said.
    #[must_use]
    pub fn between(kind: TripKind, asked: (FrameNo, Timestamp), answered: (FrameNo, Timestamp)) -> Option<Self> {
        let nanos = answered.1.since(asked.1);
        let coarser = |unit: &u32| {
            let unit = u64::from(*unit);
            asked.1.nanos().is_multiple_of(unit) && answered.1.nanos().is_multiple_of(unit)
        };
        // Stamps say in which unit they were taken: two in nanoseconds hardly ever end in three zeros both.
        let unit = [100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000].into_iter().find(coarser).unwrap_or(1);
        (nanos > 0).then_some(Self { nanos, unit, kind, asked: asked.0, answered: answered.0 })
    }

    /// The answer took no longer than this, in nanoseconds.
    #[must_use]
    pub const fn at_most(&self) -> u64 {
        self.nanos.saturating_add(self.unit as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_stamps_are_rounded_up_and_a_clock_that_stood_still_says_nothing() {
        let at = |asked, answered| {
            RoundTrip::between(TripKind::Stun, (FrameNo(1), Timestamp(asked)), (FrameNo(2), Timestamp(answered)))
        };
        for (asked, answered, at_most) in [
            (1_000_000_001, 1_020_000_007, Some(20_000_007)),
            (1_000_001_000, 1_020_000_000, Some(20_000_000)),
            (1_001_000_000, 1_020_000_000, Some(20_000_000)),
            (5, 5, None),
            (6, 5, None),
        ] {
            assert_eq!(at(asked, answered).map(|trip| trip.at_most()), at_most);
        }
    }
}
