//! Frames from the interfaces of this machine, by libpcap.

use super::error::CaptureError;
use super::feed::{Feed, FeedInfo, Pumped, now};
use super::note::{Captured, Note};
use crate::wire::{Direction, Frame, FrameNo, LinkType, Text, Timestamp};
use pcap::{Active, Capture, Device, Linktype, Packet, PacketHeader, Precision};
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The counters of kernel and interface are read so often, busy or not.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// Packets taken from one interface before the next one is looked at.
const PER_TURN: usize = 1_024;
/// An interface that went away is looked for so often; less and less, if its capture does not last.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOK_SELDOM: Duration = Duration::from_secs(1);
/// A capture that goes on so long has lasted.
const LASTED: Duration = Duration::from_secs(5);
/// The ways to the internet are looked at so often.
const WAYS_EVERY: Duration = Duration::from_secs(2);
/// Longest time that the kernel keeps frames together before it hands them over. libpcap's immediate mode is not used on
/// Linux: it would have the ring made of slots of the greatest length, so that 16 MiB hold some hundred frames.
const HAND_OVER_MS: i32 = 10;

/// Ways that are told of; more than machines have.
const MAX_WAYS: usize = 64;

/// Whether a capture goes on when its interface is there again.
const OUTLIVES: bool = cfg!(target_os = "linux");

/// What is captured, and how.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Names of interfaces, or `any`; none is the ones that lead to the internet.
    pub interfaces: Vec<String>,
    /// In the language of tcpdump; what it excludes is never seen.
    pub filter: Option<String>,
    /// Most bytes kept per frame.
    pub snap_len: u32,
    /// Also take frames that are not for this machine.
    pub promiscuous: bool,
    /// Bytes of the kernel's ring, per interface.
    pub ring: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { interfaces: Vec::new(), filter: None, snap_len: 1 << 18, promiscuous: false, ring: 32 << 20 }
    }
}

/// An interface of this machine.
#[derive(Debug, Clone)]
pub struct Interface {
    pub name: Text,
    pub description: Text,
    pub addresses: Vec<IpAddr>,
    pub up: bool,
    pub running: bool,
    pub wireless: bool,
    pub loopback: bool,
}

/// All interfaces that can be captured on.
///
/// # Errors
/// The system does not tell them.
pub fn interfaces() -> Result<Vec<Interface>, CaptureError> {
    let devices = Device::list().map_err(|error| CaptureError::NoInterfaces { reason: text(&error) })?;
    Ok(devices
        .into_iter()
        .map(|device| Interface {
            name: Text::from(device.name.as_str()),
            description: Text::from(device.desc.as_deref().unwrap_or_default()),
            addresses: device.addresses.iter().map(|a| a.addr).collect(),
            up: device.flags.is_up(),
            running: device.flags.is_running(),
            wireless: device.flags.is_wireless(),
            loopback: device.flags.is_loopback(),
        })
        .collect())
}

fn text(error: &pcap::Error) -> Text {
    match error {
        pcap::Error::PcapError(text) => Text::from(text.as_str()),
        other => Text::from(other.to_string().as_str()),
    }
}

/// The interfaces through which this machine reaches the internet; `any` if none is known to.
pub fn default_interfaces() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if name != "lo" && !found.iter().any(|f| f == name) {
            found.push(name.to_owned());
        }
    };
    // proc(5), proc_net_route: interface, destination, ... the mask is the eighth field.
    for line in fs::read_to_string("/proc/net/route").unwrap_or_default().lines().skip(1) {
        let fields: Vec<_> = line.split_whitespace().collect();
        if let [name, "00000000", _, _, _, _, _, "00000000", ..] = fields.as_slice() {
            add(name);
        }
    }
    // Destination, its length, ... the interface is the last field; routes that refuse are on `lo`.
    for line in fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default().lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        if let ([_, "00", ..], Some(name)) = (fields.as_slice(), fields.last()) {
            add(name);
        }
    }
    if found.is_empty() {
        let fallback = if cfg!(target_os = "linux") { None } else { Device::lookup().ok().flatten().map(|d| d.name) };
        found.push(fallback.unwrap_or_else(|| "any".into()));
    }
    found
}

/// Counters of one interface since its capture began. libpcap's have 32 bits and start over.
#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    raw: [u32; 3],
    total: [u64; 3],
}

impl Counters {
    fn update(&mut self, raw: [u32; 3]) {
        for ((total, before), now) in self.total.iter_mut().zip(&mut self.raw).zip(raw) {
            *total += u64::from(now.wrapping_sub(*before));
            *before = now;
        }
    }
}

struct Tapped {
    id: u32,
    name: Text,
    capture: Capture<Active>,
    /// The interface went away, or nothing can be read from it any more: when it is looked for next.
    gone: Option<Instant>,
    pause: Duration,
    revived: Option<Instant>,
    link: LinkType,
    /// Number, kind and hardware address, as far as the system tells.
    hardware: Hardware,
    addresses: Vec<IpAddr>,
    counters: Counters,
    delivered: u64,
}

/// A running capture. The first thing it hands over are its interfaces.
pub struct Live {
    tapped: Vec<Tapped>,
    options: LiveOptions,
    announced: bool,
    number: u64,
    next_count: Instant,
    /// Interfaces that lead to the internet and are known to or told of, if others would be missed.
    ways: Option<Vec<String>>,
    next_ways: Instant,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("interfaces", &self.info().name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Live {
    /// Opens the interfaces. From here on the kernel collects.
    ///
    /// # Errors
    /// An interface is missing or may not be captured on, or the filter cannot be read.
    pub fn open(mut options: LiveOptions) -> Result<Self, CaptureError> {
        if options.interfaces.is_empty() {
            options.interfaces = default_interfaces();
        }
        options.interfaces.dedup();
        let known = Device::list().unwrap_or_default();
        let tapped = (0..)
            .zip(&options.interfaces)
            .map(|(id, name)| Tapped::open(id, name, &known, &options))
            .collect::<Result<_, _>>()?;
        let ways = options.interfaces.iter().all(|name| name != "any").then(default_interfaces);
        let (next_count, next_ways) = (now() + COUNT_EVERY, now() + WAYS_EVERY);
        Ok(Self { tapped, options, announced: false, number: 0, next_count, ways, next_ways })
    }

    fn announce(&mut self, sink: &mut dyn FnMut(Captured<'_>)) {
        self.announced = true;
        for tapped in &self.tapped {
            sink(Captured::Note(Note::Interface {
                id: tapped.id,
                link: tapped.link,
                name: Some(tapped.name.clone()),
                description: None,
                addresses: tapped.addresses.clone(),
                mac: tapped.hardware.mac,
                snap_len: Some(self.options.snap_len),
                filter: self.options.filter.as_deref().map(Text::from),
            }));
        }
    }

    fn count(&mut self, sink: &mut dyn FnMut(Captured<'_>)) {
        self.next_count = now() + COUNT_EVERY;
        for tapped in &mut self.tapped {
            tapped.count();
            sink(Captured::Note(tapped.statistics()));
        }
    }

    /// Tells of interfaces that have begun to lead to the internet and are not captured on.
    fn look_for_ways(&mut self, sink: &mut dyn FnMut(Captured<'_>)) {
        self.next_ways = now() + WAYS_EVERY;
        let Some(known) = &mut self.ways else { return };
        for name in default_interfaces() {
            let captured = name == "any" || self.tapped.iter().any(|t| t.name.exact() == name);
            if !captured && !known.contains(&name) && known.len() < MAX_WAYS {
                let why = format!(
                    "the way to the internet leads through {name} now, which is not captured: start again with `-i {name}` \
                     beside, or with `-i any`"
                );
                sink(Captured::Note(Note::Uncaptured { why: why.as_str().into() }));
                known.push(name);
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn wait(&self, wait: Duration) {
        use rustix::event::{PollFd, PollFlags, poll};
        let open = self.tapped.iter().filter(|t| t.gone.is_none());
        let mut wanted: Vec<_> = open.map(|t| PollFd::new(&t.capture, PollFlags::IN)).collect();
        let wait = rustix::time::Timespec::try_from(wait).ok();
        // Whatever it says, the interfaces are asked next.
        let _ = poll(&mut wanted, wait.as_ref());
    }

    #[cfg(not(target_os = "linux"))]
    fn wait(&self, wait: Duration) {
        std::thread::sleep(wait.min(Duration::from_millis(10)));
    }
}

impl Tapped {
    fn open(id: u32, name: &str, known: &[Device], options: &LiveOptions) -> Result<Self, CaptureError> {
        let here = || Text::from(name);
        let refused = |error: pcap::Error| {
            let reason = text(&error);
            let said = reason.exact();
            let permission = said.contains("permission") || said.contains("not permitted");
            match () {
                () if permission => CaptureError::NoRight { name: here() },
                () if !known.is_empty() && name != "any" && !known.iter().any(|d| d.name == name) => {
                    let mut names: Vec<_> = known
                        .iter()
                        .filter(|d| d.flags.is_up() && !d.name.starts_with("nf") && !d.name.starts_with("usbmon"))
                        .map(|d| d.name.as_str())
                        .collect();
                    names.sort_unstable();
                    CaptureError::NoInterface { name: here(), known: Text::from(names.join(", ").as_str()) }
                }
                () => CaptureError::Interface { name: here(), reason },
            }
        };
        let snap_len = i32::try_from(options.snap_len).unwrap_or(i32::MAX);
        let capture = Capture::from_device(name)
            .map_err(refused)?
            .snaplen(snap_len)
            .promisc(options.promiscuous)
            .buffer_size(i32::try_from(options.ring).unwrap_or(i32::MAX))
            .precision(Precision::Nano)
            .immediate_mode(!cfg!(target_os = "linux"))
            .timeout(HAND_OVER_MS);
        let mut capture = capture.open().map_err(refused)?.setnonblock().map_err(refused)?;
        if name == "any" {
            // The newer cooked header says on which interface a frame was; older libraries do not have it.
            let _ = capture.set_datalink(Linktype(LinkType::LINUX_SLL2.0.cast_signed()));
        }
        if let Some(filter) = &options.filter {
            capture
                .filter(filter, true)
                .map_err(|error| CaptureError::Filter { filter: Text::from(filter.as_str()), reason: text(&error) })?;
        }
        let link = LinkType(capture.get_datalink().0.cast_unsigned());
        let of_it = known.iter().filter(|device| device.name == name || name == "any");
        Ok(Self {
            id,
            name: here(),
            link,
            hardware: Hardware::of(name),
            addresses: of_it.flat_map(|device| device.addresses.iter().map(|a| a.addr)).collect(),
            counters: Counters::default(),
            delivered: 0,
            capture,
            gone: None,
            pause: LOOK_EVERY,
            revived: None,
        })
    }

    fn count(&mut self) {
        if let Ok(stats) = self.capture.stats() {
            self.counters.update([stats.received, stats.dropped, stats.if_dropped]);
        }
    }

    fn statistics(&self) -> Note {
        let [received, dropped_by_system, dropped_by_interface] = self.counters.total.map(Some);
        Note::Statistics {
            interface: self.id,
            received,
            dropped_by_interface,
            dropped_by_system,
            delivered: Some(self.delivered),
        }
    }

    /// Binds the capture to an interface that has its name and kind, and says how it goes on. The socket with its filter, ring
    /// and counters outlives the interface it was bound to, and binding it again needs no right (packet(7)).
    #[cfg(target_os = "linux")]
    fn revive(&mut self, promiscuous: bool) -> Option<String> {
        use std::os::fd::AsRawFd;
        let there = Hardware::of(self.name.exact());
        let link = there.link.filter(|_| there.up)?;
        // Frames of another kind would be read wrongly.
        if self.hardware.link.is_some_and(|before| before.hatype() != link.hatype()) {
            return None;
        }
        nix::sys::socket::bind(self.capture.as_raw_fd(), &link).ok()?;
        let other = if there.mac == self.hardware.mac { "" } else { ", with another hardware address" };
        let less = if promiscuous { "; frames for others are not taken any more" } else { "" };
        (self.hardware, self.gone, self.revived) = (there, None, Some(now()));
        Some(format!("the capture on {} goes on: the interface is there again{other}{less}", self.name))
    }

    #[cfg(not(target_os = "linux"))]
    fn revive(&mut self, _: bool) -> Option<String> {
        None
    }

    /// Hands over what is there.
    fn turn(&mut self, number: &mut u64, sink: &mut dyn FnMut(Captured<'_>)) -> Result<usize, CaptureError> {
        if self.gone.is_some() {
            return Ok(0);
        }
        let (id, link, mac) = (self.id, self.link, self.hardware.mac);
        let taken = self.capture.dispatch(Some(PER_TURN), |packet: Packet<'_>| {
            *number += 1;
            let frame = Frame {
                number: FrameNo(*number),
                time: time_of(packet.header),
                link,
                original_len: packet.header.len,
                bytes: packet.data,
            };
            sink(Captured::Frame { frame, interface: id, direction: direction(link, packet.data, mac) });
        });
        match taken {
            Ok(count) => {
                self.delivered += count as u64;
                Ok(count)
            }
            Err(pcap::Error::TimeoutExpired) => Ok(0),
            Err(error) => {
                self.count();
                let short = self.revived.is_some_and(|at| at.elapsed() < LASTED);
                self.pause = if short { LOOK_SELDOM.min(self.pause * 2) } else { LOOK_EVERY };
                self.gone = Some(now() + self.pause);
                let cure = if OUTLIVES { "it goes on when the interface is there again" } else { "start again" };
                Err(CaptureError::Gone { name: self.name.clone(), reason: text(&error), cure })
            }
        }
    }
}

/// The kernel's stamp, which was asked for in nanoseconds.
fn time_of(header: &PacketHeader) -> Timestamp {
    #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions, reason = "the fields' width differs")]
    let part = |value| u64::try_from(value).unwrap_or_default();
    #[allow(clippy::useless_conversion, reason = "the fields' width differs")]
    let (seconds, nanos) = (part(i64::from(header.ts.tv_sec)), part(i64::from(header.ts.tv_usec)));
    Timestamp::from_secs(seconds).plus_nanos(nanos)
}

fn direction(link: LinkType, bytes: &[u8], mac: Option<[u8; 6]>) -> Direction {
    // The packet type of the cooked headers; 4 is what this machine sent.
    let kind = match link {
        LinkType::LINUX_SLL => bytes.get(1),
        LinkType::LINUX_SLL2 => bytes.get(10),
        LinkType::ETHERNET => {
            return match (mac, bytes.get(6..12)) {
                (Some(own), Some(source)) if source == own => Direction::Outbound,
                (Some(_), Some(_)) => Direction::Inbound,
                _ => Direction::Unknown,
            };
        }
        _ => None,
    };
    match kind {
        Some(4) => Direction::Outbound,
        Some(_) => Direction::Inbound,
        None => Direction::Unknown,
    }
}

/// What the system tells of an interface of this process's own network; /sys may show another one.
#[derive(Debug, Clone, Copy, Default)]
struct Hardware {
    /// Where a packet socket is bound to.
    #[cfg(target_os = "linux")]
    link: Option<nix::sys::socket::LinkAddr>,
    /// Of an Ethernet or Wi-Fi interface; a loopback's is all zero and tells nothing.
    mac: Option<[u8; 6]>,
    #[cfg(target_os = "linux")]
    up: bool,
}

impl Hardware {
    #[cfg(target_os = "linux")]
    fn of(name: &str) -> Self {
        let mut all = nix::ifaddrs::getifaddrs().into_iter().flatten().filter(|i| i.interface_name == name);
        let found = all.find_map(|i| Some((i.address?.as_link_addr().copied()?, i.flags)));
        let (link, flags) = found.unzip();
        let up = flags.is_some_and(|flags| flags.contains(nix::net::if_::InterfaceFlags::IFF_UP));
        let mac = link.filter(|link| link.halen() == 6).and_then(|link| link.addr()).filter(|mac| *mac != [0; 6]);
        Self { link, mac, up }
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_: &str) -> Self {
        Self::default()
    }
}

impl Feed for Live {
    fn pump(&mut self, wait: Duration, sink: &mut dyn FnMut(Captured<'_>)) -> Result<Pumped, CaptureError> {
        if !self.announced {
            self.announce(sink);
        }
        let mut pump = |this: &mut Self| {
            let mut taken = 0;
            let mut gone = None;
            for tapped in &mut this.tapped {
                match tapped.turn(&mut this.number, sink) {
                    Ok(count) => taken += count,
                    Err(error) => {
                        sink(Captured::Note(tapped.statistics()));
                        let why = error.to_string().as_str().into();
                        sink(Captured::Note(Note::Gone { interface: tapped.id, why }));
                        gone = Some(error);
                    }
                }
            }
            match gone {
                Some(error) if !OUTLIVES && this.tapped.iter().all(|t| t.gone.is_some()) => Err(error),
                _ => Ok(taken),
            }
        };
        if pump(self)? == 0 {
            let looks = self.tapped.iter().filter_map(|t| t.gone);
            let until = looks.fold(self.next_count, Instant::min);
            self.wait(wait.min(until.saturating_duration_since(now())));
            pump(self)?;
        }
        if now() >= self.next_count {
            self.count(sink);
        }
        for tapped in self.tapped.iter_mut().filter(|t| t.gone.is_some_and(|at| now() >= at)) {
            if let Some(how) = tapped.revive(self.options.promiscuous) {
                sink(Captured::Note(Note::Back { interface: tapped.id, how: how.as_str().into() }));
            } else {
                tapped.gone = Some(now() + tapped.pause);
            }
        }
        if now() >= self.next_ways {
            self.look_for_ways(sink);
        }
        Ok(Pumped::More)
    }

    fn is_patient(&self) -> bool {
        false
    }

    fn info(&self) -> FeedInfo {
        let names: Vec<_> = self.tapped.iter().map(|t| t.name.exact()).collect();
        let mut links: Vec<_> = self.tapped.iter().map(|t| t.link).collect();
        links.sort_unstable();
        links.dedup();
        FeedInfo { name: Text::from(names.join(", ").as_str()), format: "live", links, bytes: 0 }
    }

    fn finish(&mut self, sink: &mut dyn FnMut(Captured<'_>)) {
        self.count(sink);
    }
}

/// libpcap's version, by the name of the file that is loaded; nothing where the system does not tell.
#[must_use]
pub fn libpcap_version() -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut paths = maps.lines().filter_map(|line| line.split_ascii_whitespace().nth(5));
    let (_, version) = paths.find_map(|path| path.split_once("/libpcap.so."))?;
    Some(version.to_owned())
}
