//! UDP (RFC 768) and TCP (RFC 9293): ports, and where the payload is.

use super::HeaderKind;
use super::region::Region;
use super::walk::{Network, Outcome, Walk};
use crate::wire::{End, FaultKind, Fragment, Layer, Packet, TcpFlags, Transport, TransportKind};
use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

const UDP_HEADER: u32 = 8;
const TCP_HEADER: usize = 20;

impl<'a> Walk<'a, '_> {
    #[inline]
    pub(super) fn udp(&mut self, network: Network, region: Region<'a>) -> Outcome<'a> {
        self.note(HeaderKind::Udp, region);
        let Ok(header) = UdpHeaderSlice::from_slice(region.bytes) else {
            return self.ports_alone(network, region, TransportKind::Udp);
        };
        let ports = (header.source_port(), header.destination_port());
        let mut fault = network.fault;
        let rest = region.after(UDP_HEADER);
        let body = match u32::from(header.length()).checked_sub(UDP_HEADER) {
            Some(len) => {
                if len > rest.wire && fault.is_none() && !self.partial {
                    fault = Some(region.fault(Layer::Transport, FaultKind::Short, "udp length"));
                }
                rest.limit(len)
            }
            // A jumbogram (RFC 2675 §4) or segmentation offload: the rest of the packet.
            None if header.length() == 0 => rest,
            None => {
                fault = Some(region.malformed(Layer::Transport, "udp length"));
                rest.limit(0)
            }
        };
        let packet = Packet { fault, ..self.packet(network, ports, Transport::Udp, body) };
        self.udp_tunnel(packet, body)
    }

    #[inline]
    pub(super) fn tcp(&mut self, network: Network, region: Region<'a>) -> Outcome<'a> {
        self.note(HeaderKind::Tcp, region);
        let Ok(header) = TcpHeaderSlice::from_slice(region.bytes) else {
            return self.tcp_in_part(network, region);
        };
        let len = header.slice().len();
        let tcp_options = region.bytes.get(TCP_HEADER..len).unwrap_or_default();
        let body = region.after(len as u32);
        let packet = self.packet(network, (header.source_port(), header.destination_port()), fields(&header), body);
        Ok(Packet { tcp_options, ..packet })
    }

    /// A TCP header whose options or more are missing, or that says an impossible length.
    #[cold]
    fn tcp_in_part(&mut self, network: Network, region: Region<'a>) -> Outcome<'a> {
        let Some(fixed) = region.bytes.first_chunk::<TCP_HEADER>() else {
            return self.ports_alone(network, region, TransportKind::Tcp);
        };
        // The fixed part is still worth reading: without options, it is a header of its own.
        let mut alone = *fixed;
        let [.., data_offset, _, _, _, _, _, _, _] = &mut alone;
        let len = usize::from(*data_offset >> 4) * 4;
        *data_offset = 5 << 4;
        let Ok(header) = TcpHeaderSlice::from_slice(&alone) else {
            return self.ports_alone(network, region, TransportKind::Tcp);
        };
        let fault = if len < TCP_HEADER {
            region.malformed(Layer::Transport, "tcp data offset")
        } else {
            region.lacks(len, Layer::Transport, "tcp options")
        };
        // Nothing tells where the payload of an impossible header starts.
        let body = if len < TCP_HEADER { region.limit(0) } else { region.after(len as u32) };
        let packet = self.packet(network, (header.source_port(), header.destination_port()), fields(&header), body);
        Ok(Packet { fault: Some(network.fault.unwrap_or(fault)), ..packet })
    }

    /// A transport header of which little more than the ports is left.
    #[cold]
    fn ports_alone(&mut self, network: Network, region: Region<'a>, kind: TransportKind) -> Outcome<'a> {
        let (what, len) = match kind {
            TransportKind::Tcp => ("tcp header", TCP_HEADER),
            TransportKind::Udp => ("udp header", UDP_HEADER as usize),
        };
        let fault = region.lacks(len, Layer::Transport, what);
        let &[s0, s1, d0, d1, ..] = region.bytes else { return Err(fault.into()) };
        let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        let body = region.after(len as u32);
        let packet = self.packet(network, ports, Transport::Continued(kind), body);
        Ok(Packet { fault: Some(network.fault.unwrap_or(fault)), cut: region.is_cut(), ..packet })
    }

    #[inline]
    fn packet(&self, network: Network, ports: (u16, u16), transport: Transport, body: Region<'a>) -> Packet<'a> {
        Packet {
            source: End { address: network.source, port: ports.0 },
            destination: End { address: network.destination, port: ports.1 },
            transport,
            payload: body.bytes,
            payload_len: body.wire,
            cut: body.is_cut(),
            fragment: Fragment::Whole,
            tunnel: self.tunnel,
            macs: self.macs,
            tcp_options: &[],
            fault: network.fault,
        }
    }
}

#[inline]
fn fields(header: &TcpHeaderSlice<'_>) -> Transport {
    // etherparse gives each flag on its own; the byte is what the rest of the house speaks of.
    let flags = header.slice().get(13).copied().unwrap_or(0);
    Transport::Tcp {
        sequence: header.sequence_number(),
        acknowledgment: header.acknowledgment_number(),
        flags: TcpFlags(flags),
    }
}
