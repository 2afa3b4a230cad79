//! Which end of a flow is the client, and how that was decided. `up` in every table hangs on it.

use super::notes::Notes;
use super::view::ClientBasis;
use crate::flow::Flow;
use crate::wire::{AddressKind, End, Side, canonical};
use std::net::IpAddr;

/// The device whose traffic is audited, as the user named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    Address(IpAddr),
    Mac([u8; 6]),
}

/// An IP address, or a hardware address with `:` or `-` between its octets.
impl std::str::FromStr for Device {
    type Err = NoDevice;

    fn from_str(text: &str) -> Result<Self, NoDevice> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(canonical(address)));
        }
        let octets = text.split([':', '-']).map(|part| u8::from_str_radix(part, 16)).collect::<Result<Vec<u8>, _>>();
        octets.ok().and_then(|octets| octets.try_into().ok()).map(Self::Mac).ok_or(NoDevice)
    }
}

/// A text that names no device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an IP address nor a hardware address; write 192.0.2.7 or 02:00:5e:10:00:00")]
pub struct NoDevice;

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Mac(octets) => {
                for (at, octet) in octets.iter().enumerate() {
                    write!(f, "{}{octet:02x}", if at > 0 { ":" } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

/// Whether a flow of this scope is to be judged (see [`super::view::FlowView`]).
#[must_use]
pub fn is_judged(scope: &str) -> bool {
    matches!(scope, "" | "in")
}

/// What is known about the position of the capture.
#[derive(Debug, Default)]
pub(super) struct Vantage {
    pub(super) device: Option<Device>,
    /// Only flows of watched programs are judged.
    pub(super) watched_only: bool,
    /// Addresses of the capturing host.
    pub(super) locals: Vec<IpAddr>,
}

impl Vantage {
    /// The client's side and how it was decided, best ground first.
    pub(super) fn client(&self, flow: &Flow, notes: &Notes) -> (Side, ClientBasis) {
        self.subject(flow)
            .map(|side| (side, ClientBasis::Subject))
            .or_else(|| self.local(flow).map(|side| (side, ClientBasis::Local)))
            .or_else(|| flow.opener().map(|side| (side, ClientBasis::Syn)))
            .or_else(|| notes.client.map(|side| (side, ClientBasis::Hello)))
            .or_else(|| by_port(flow).map(|side| (side, ClientBasis::Ports)))
            .unwrap_or((Side::First, ClientBasis::FirstFrame))
    }

    /// Whether the flow is to be judged: the audited device and the watched programs take part, or none were named.
    pub(super) fn judges(&self, flow: &Flow, watched: Option<bool>) -> bool {
        is_judged(self.scope(flow, watched))
    }

    /// `in`, `out`, `unknown` where no program could be told, or empty where nothing was named.
    pub(super) fn scope(&self, flow: &Flow, watched: Option<bool>) -> &'static str {
        if self.device.is_some() && self.subject(flow).is_none() {
            return "out";
        }
        match (self.watched_only, watched) {
            (true, Some(true)) => "in",
            (true, Some(false)) => "out",
            (true, None) => "unknown",
            (false, _) if self.device.is_some() => "in",
            (false, _) => "",
        }
    }

    /// The side of the audited device, if it takes part.
    pub(super) fn subject(&self, flow: &Flow) -> Option<Side> {
        match self.device? {
            Device::Address(address) => one(|side| flow.ends[side].address == address),
            Device::Mac(_) => flow.subject,
        }
    }

    /// The one end that belongs to the capturing host, or that is local while the other is not.
    fn local(&self, flow: &Flow) -> Option<Side> {
        let kind = |side: Side| AddressKind::of(flow.ends[side].address);
        one(|side| self.locals.contains(&flow.ends[side].address))
            .or_else(|| one(|side| is_home(kind(side)) && kind(side.other()) == AddressKind::Public))
            .or_else(|| one(|side| matches!(kind(side.other()), AddressKind::Multicast | AddressKind::Broadcast)))
    }
}

const fn is_home(kind: AddressKind) -> bool {
    matches!(kind, AddressKind::Private | AddressKind::Shared | AddressKind::LinkLocal | AddressKind::Loopback)
}

/// The side for which the condition holds, if it holds for one only.
fn one(holds: impl Fn(Side) -> bool) -> Option<Side> {
    match (holds(Side::First), holds(Side::Second)) {
        (true, false) => Some(Side::First),
        (false, true) => Some(Side::Second),
        _ => None,
    }
}

/// Servers wait on ports that are assigned; clients use the dynamic ones (RFC 6335 §6).
fn by_port(flow: &Flow) -> Option<Side> {
    let rank = |end: End| match end.port {
        0..1024 => 0,
        1024..32768 => 1,
        _ => 2,
    };
    one(|side| rank(flow.ends[side]) > rank(flow.ends[side.other()]))
}
