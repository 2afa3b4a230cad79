//! The addresses of this machine (of the network namespace it was opened in), and what becomes of them and of the links:
//! rtnetlink(7). Goes on working when no more sockets may be opened.

use super::values::Change;
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NlasIterator};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// linux/rtnetlink.h
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTMGRP_LINK: u32 = 1;
const RTMGRP_IPV4_IFADDR: u32 = 0x10;
const RTMGRP_IPV6_IFADDR: u32 = 0x100;
/// linux/netlink.h
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// linux/if_addr.h: of a link with two ends the first is the other side's address.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// linux/if_link.h, linux/if.h
const IFLA_IFNAME: u16 = 3;
const IFF_UP: u32 = 1;
const IFF_RUNNING: u32 = 0x40;

/// Addresses and links kept; more than any laptop has, few enough for a router.
const MAX_ADDRESSES: usize = 4_096;
const MAX_LINKS: usize = 4_096;
/// Messages read at once.
const MAX_DATAGRAMS: usize = 256;
const PATIENCE: Duration = Duration::from_millis(200);

/// The addresses as they are, and a socket that tells what changes.
#[derive(Debug)]
pub struct Locals {
    socket: Socket,
    sequence: u32,
    /// With the number of the link: an address may stand on two.
    addresses: BTreeSet<(u32, IpAddr)>,
    links: BTreeMap<u32, (Box<str>, bool)>,
}

impl Locals {
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
        let mut locals = Self { socket, sequence: 0, addresses: BTreeSet::new(), links: BTreeMap::new() };
        locals.read_all()?;
        Ok(locals)
    }

    /// The addresses of now, each once.
    #[must_use]
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        self.addresses.iter().map(|(_, address)| *address).collect()
    }

    /// What has changed since the last call; does not wait.
    pub fn changes(&mut self) -> io::Result<Vec<Change>> {
        let before = (self.addresses(), self.links.clone());
        let mut buffer = vec![0; 32 * 1024];
        for _ in 0..MAX_DATAGRAMS {
            match recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((len, _)) => {
                    self.take(buffer.get(..len).unwrap_or_default(), None);
                }
                Err(rustix::io::Errno::AGAIN) => break,
                Err(rustix::io::Errno::INTR) => {}
                // Some were lost: the whole is asked for again.
                Err(rustix::io::Errno::NOBUFS) => self.read_all()?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.compare(&before.0, &before.1))
    }

    fn compare(&self, addresses: &BTreeSet<IpAddr>, links: &BTreeMap<u32, (Box<str>, bool)>) -> Vec<Change> {
        let now = self.addresses();
        let gone = addresses.difference(&now).map(|a| Change::Gone(*a));
        let came = now.difference(addresses).map(|a| Change::Came(*a));
        let link = |(number, link): (&u32, &(Box<str>, bool))| {
            let was = links.get(number).map(|(_, up)| *up);
            (was != Some(link.1)).then(|| Change::Link { name: link.0.as_ref().into(), up: link.1 })
        };
        let lost = links.iter().filter(|(number, link)| link.1 && !self.links.contains_key(number));
        let lost = lost.map(|(_, (name, _))| Change::Link { name: name.as_ref().into(), up: false });
        gone.chain(came).chain(self.links.iter().filter_map(link)).chain(lost).collect()
    }

    fn read_all(&mut self) -> io::Result<()> {
        self.addresses.clear();
        self.links.clear();
        for kind in [RTM_GETLINK, RTM_GETADDR] {
            self.sequence = self.sequence.wrapping_add(1);
            // struct nlmsghdr, and struct rtgenmsg with family 0: all.
            let mut request = [0; 20];
            let mut message = NetlinkBuffer::new(&mut request[..]);
            message.set_length(20);
            message.set_message_type(kind);
            message.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
            message.set_sequence_number(self.sequence);
            send(&self.socket, &request, SendFlags::empty())?;
            let mut buffer = vec![0; 32 * 1024];
            for _ in 0..MAX_DATAGRAMS {
                let (len, _) = match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                    Err(rustix::io::Errno::INTR) => continue,
                    read => read?,
                };
                if self.take(buffer.get(..len).unwrap_or_default(), Some(self.sequence)) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes the messages of a datagram; `true` if it ends the answer to the question of that number.
    fn take(&mut self, mut rest: &[u8], awaited: Option<u32>) -> bool {
        while let Ok(message) = NetlinkBuffer::new_checked(rest) {
            let step = (message.length() as usize).next_multiple_of(4).max(16);
            match message.message_type() {
                NLMSG_DONE | NLMSG_ERROR if awaited == Some(message.sequence_number()) => return true,
                RTM_NEWADDR => self.address(message.payload(), true),
                RTM_DELADDR => self.address(message.payload(), false),
                RTM_NEWLINK => self.link(message.payload(), true),
                RTM_DELLINK => self.link(message.payload(), false),
                _ => {}
            }
            rest = rest.get(step..).unwrap_or_default();
        }
        false
    }

    /// struct ifaddrmsg: family, prefix length, flags, scope, index (4 bytes); then attributes.
    fn address(&mut self, payload: &[u8], there: bool) {
        let Some((head, rest)) = payload.split_first_chunk::<8>() else { return };
        let [_, _, _, _, index @ ..] = *head;
        let mut found = None;
        for attribute in NlasIterator::new(rest).map_while(Result::ok) {
            let kind = attribute.kind();
            if kind == IFA_LOCAL || (kind == IFA_ADDRESS && found.is_none()) {
                found = address(attribute.value()).or(found);
            }
        }
        let Some(found) = found.map(|address| (u32::from_ne_bytes(index), address)) else { return };
        if !there {
            self.addresses.remove(&found);
        } else if self.addresses.len() < MAX_ADDRESSES {
            self.addresses.insert(found);
        }
    }

    /// struct ifinfomsg: family, pad, type (2), index (4), flags (4), change (4); then attributes.
    fn link(&mut self, payload: &[u8], there: bool) {
        let Some((head, rest)) = payload.split_first_chunk::<16>() else { return };
        let word = |n: usize| head.as_chunks::<4>().0.get(n).copied().map(u32::from_ne_bytes).unwrap_or_default();
        let (index, flags) = (word(1), word(2));
        if !there {
            self.links.remove(&index);
            return;
        }
        let name = NlasIterator::new(rest).map_while(Result::ok).find(|a| a.kind() == IFLA_IFNAME);
        let name = name.map(|a| String::from_utf8_lossy(a.value()).trim_end_matches('\0').into());
        let up = flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING;
        if let Some(name) = name
            && (self.links.len() < MAX_LINKS || self.links.contains_key(&index))
        {
            self.links.insert(index, (name, up));
        }
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_its_loopback_and_nothing_changes_by_itself() {
        let mut locals = Locals::open().unwrap();
        assert!(locals.addresses().contains(&IpAddr::from([127, 0, 0, 1])), "{locals:?}");
        assert!(locals.links.values().any(|(name, _)| &**name == "lo"));
        let addresses = locals.addresses();
        locals.read_all().unwrap();
        assert_eq!(locals.addresses(), addresses);
    }

    /// What the kernel sends is laid out as it laid out the answers that the test above reads; here only what it means.
    #[test]
    fn changes_are_told_once() {
        let mut locals = Locals::open().unwrap();
        let before = (locals.addresses(), locals.links.clone());
        let new: IpAddr = "2001:db8::77".parse().unwrap();
        locals.addresses.insert((9_999, new));
        locals.links.insert(9_999, ("tap7".into(), true));
        let told = locals.compare(&before.0, &before.1);
        assert_eq!(told, [Change::Came(new), Change::Link { name: "tap7".into(), up: true }]);
        let during = (locals.addresses(), locals.links.clone());
        assert_eq!(locals.compare(&during.0, &during.1), []);
        locals.addresses.remove(&(9_999, new));
        locals.links.remove(&9_999);
        let told = locals.compare(&during.0, &during.1);
        assert_eq!(told, [Change::Gone(new), Change::Link { name: "tap7".into(), up: false }]);
    }
}
