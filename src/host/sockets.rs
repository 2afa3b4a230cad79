//! Which sockets a conversation may belong to: the kernel's socket diagnosis, sock_diag(7), asked for one conversation at a
//! time. Needs no rights, and works on after the process may open no more sockets.

use crate::wire::{End, TransportKind, canonical};
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The kernel answers in the same system call; this only bounds an answer that never comes.
const PATIENCE: Duration = Duration::from_millis(200);
/// Datagrams of one answer that are read; each holds some hundred sockets.
const MAX_DATAGRAMS: usize = 64;
/// Sockets on one port that are told apart.
const MAX_SOCKETS: usize = 16;

/// A socket that a conversation may belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// 0: no process holds it any more, or none holds it yet.
    pub(super) inode: u32,
    /// The user who made it.
    pub(super) uid: u32,
    /// It names both ends of the conversation, not only the local port.
    pub(super) exact: bool,
}

/// A socket of the kernel that answers questions about others.
#[derive(Debug)]
pub(super) struct Sockets {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Sockets {
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; 32 * 1024] })
    }

    /// The socket with both ends, or else every socket on the local port that would take the conversation's packets.
    pub(super) fn find(&mut self, transport: TransportKind, local: End, remote: End) -> io::Result<Vec<Found>> {
        let family = if local.address.is_ipv4() { AF_INET } else { AF_INET6 };
        let (source, destination) = match transport {
            TransportKind::Tcp => (local, remote),
            // The kernel looks UDP sockets up as if a packet came in: its source is the other side (udp_diag.c).
            TransportKind::Udp => (remote, local),
        };
        let id = SocketId { cookie: [0xff; 8], ..socket_id(source, destination) };
        let exact = self.ask(transport, family, id, NLM_F_REQUEST)?;
        let exact = exact.iter().find_map(|s| judge(s, local, remote).filter(|f| f.exact));
        if let Some(found) = exact.filter(|f| f.inode != 0) {
            return Ok(vec![found]);
        }
        // A listener, a connection not accepted yet or closed already, an unconnected UDP socket, one bound to a device, or
        // none: what else is on this port?
        let mut all = Vec::new();
        let families: &[u8] = if family == AF_INET { &[AF_INET, AF_INET6] } else { &[AF_INET6] };
        for &family in families {
            let any =
                if family == AF_INET { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
            let id = socket_id(End { address: any, port: local.port }, End { address: any, port: 0 });
            let answers = self.ask(transport, family, id, NLM_F_REQUEST | NLM_F_DUMP)?;
            all.extend(answers.iter().filter_map(|s| judge(s, local, remote)));
        }
        all.retain(|f| f.inode != 0);
        if let Some(&found) = all.iter().find(|f| f.exact) {
            return Ok(vec![found]);
        }
        all.truncate(MAX_SOCKETS);
        Ok(if all.is_empty() { exact.into_iter().collect() } else { all })
    }

    fn ask(
        &mut self,
        transport: TransportKind,
        family: u8,
        socket_id: SocketId,
        flags: u16,
    ) -> io::Result<Vec<InetResponseHeader>> {
        self.sequence = self.sequence.wrapping_add(1);
        let protocol = match transport {
            TransportKind::Tcp => IPPROTO_TCP,
            TransportKind::Udp => IPPROTO_UDP,
        };
        let request =
            InetRequest { family, protocol, extensions: ExtensionFlags::empty(), states: StateFlags::all(), socket_id };
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        send(&self.socket, &bytes, SendFlags::empty())?;
        self.answers(flags == NLM_F_REQUEST)
    }

    /// Reads the answer to the latest question; what is left of an earlier one is skipped.
    fn answers(&mut self, single: bool) -> io::Result<Vec<InetResponseHeader>> {
        let mut found = Vec::new();
        for _ in 0..MAX_DATAGRAMS {
            let (len, _) = match recv(&self.socket, &mut *self.buffer, RecvFlags::empty()) {
                Ok(read) => read,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let mut rest = self.buffer.get(..len).unwrap_or_default();
            while !rest.is_empty() {
                let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest).map_err(io::Error::other)?;
                // Messages stand at multiples of four bytes (netlink(7)).
                let step = (message.header.length as usize).next_multiple_of(4).max(16);
                rest = rest.get(step..).unwrap_or_default();
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                match message.payload {
                    NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(answer)) => {
                        found.push(answer.header);
                        if single {
                            return Ok(found);
                        }
                    }
                    NetlinkPayload::Error(error) => {
                        let error = error.to_io();
                        let none = error.kind() == io::ErrorKind::NotFound;
                        return if none { Ok(found) } else { Err(error) };
                    }
                    NetlinkPayload::Done(_) => return Ok(found),
                    _ => {}
                }
            }
        }
        Ok(found)
    }
}

fn socket_id(source: End, destination: End) -> SocketId {
    SocketId {
        source_port: source.port,
        destination_port: destination.port,
        source_address: source.address,
        destination_address: destination.address,
        interface_id: 0,
        cookie: [0; 8],
    }
}

/// Whether a socket would take the packets of the conversation, and whether it names both ends.
fn judge(socket: &InetResponseHeader, local: End, remote: End) -> Option<Found> {
    let id = &socket.socket_id;
    let (own, other) = (canonical(id.source_address), canonical(id.destination_address));
    // A socket on `::` takes IPv4 too, unless told otherwise, which the kernel does not tell here.
    let takes = |bound: IpAddr, address: IpAddr| bound == address || bound.is_unspecified();
    if id.source_port != local.port || !takes(own, local.address) {
        return None;
    }
    let connected = id.destination_port != 0;
    let exact = connected && id.destination_port == remote.port && other == remote.address;
    (exact || !connected).then_some(Found { inode: socket.inode, uid: socket.uid, exact })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;

    fn end(address: SocketAddr) -> End {
        End { address: canonical(address.ip()), port: address.port() }
    }

    fn inode(socket: impl AsFd) -> u32 {
        rustix::fs::fstat(socket).unwrap().st_ino as u32
    }

    fn inodes(found: &[Found]) -> Vec<(u32, bool)> {
        found.iter().map(|f| (f.inode, f.exact)).collect()
    }

    #[test]
    fn a_connection_is_found_from_both_ends_over_ipv4_ipv6_and_mapped() {
        let mut sockets = Sockets::open().unwrap();
        for (listen, connect) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("[::]:0", "127.0.0.1")] {
            let server = TcpListener::bind(listen).unwrap();
            let port = server.local_addr().unwrap().port();
            let client = TcpStream::connect((connect, port)).unwrap();
            let (accepted, _) = server.accept().unwrap();
            let (local, remote) = (end(client.local_addr().unwrap()), end(client.peer_addr().unwrap()));
            let found = sockets.find(TransportKind::Tcp, local, remote).unwrap();
            assert_eq!(inodes(&found), [(inode(&client), true)], "{listen}");
            assert_eq!(found[0].uid, rustix::process::getuid().as_raw());
            let found = sockets.find(TransportKind::Tcp, remote, local).unwrap();
            assert_eq!(inodes(&found), [(inode(&accepted), true)], "{listen}");
        }
    }

    #[test]
    fn a_udp_socket_is_found_by_both_ends_or_by_its_port() {
        let mut sockets = Sockets::open().unwrap();
        for (bind, host) in
            [("127.0.0.1:0", "127.0.0.1"), ("0.0.0.0:0", "127.0.0.1"), ("[::]:0", "127.0.0.1"), ("[::]:0", "::1")]
        {
            let socket = UdpSocket::bind(bind).unwrap();
            let local = End { address: host.parse().unwrap(), port: socket.local_addr().unwrap().port() };
            let remote = End { address: host.parse().unwrap(), port: 9 };
            let found = sockets.find(TransportKind::Udp, local, remote).unwrap();
            assert_eq!(inodes(&found), [(inode(&socket), false)], "{bind} {host}");
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect("127.0.0.1:9").unwrap();
        let (local, remote) = (end(socket.local_addr().unwrap()), end(socket.peer_addr().unwrap()));
        let found = sockets.find(TransportKind::Udp, local, remote).unwrap();
        assert_eq!(inodes(&found), [(inode(&socket), true)]);
        // It takes nothing from elsewhere.
        let found = sockets.find(TransportKind::Udp, local, End { port: 10, ..remote }).unwrap();
        assert_eq!(found, []);
    }

    #[test]
    fn a_listener_answers_for_its_port_only() {
        let mut sockets = Sockets::open().unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = end(server.local_addr().unwrap());
        let found = sockets.find(TransportKind::Tcp, local, End { port: 1, ..local }).unwrap();
        assert_eq!(inodes(&found), [(inode(&server), false)]);
    }

    #[test]
    fn what_is_closed_has_no_inode_or_is_not_there() {
        let mut sockets = Sockets::open().unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (local, remote) = (end(client.local_addr().unwrap()), end(client.peer_addr().unwrap()));
        let (accepted, _) = server.accept().unwrap();
        drop(client);
        drop(accepted);
        drop(server);
        let found = sockets.find(TransportKind::Tcp, local, remote).unwrap();
        assert!(found.iter().all(|f| f.inode == 0), "{found:?}");
    }
}
