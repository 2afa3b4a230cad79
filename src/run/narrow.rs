//! Evidence sealed to its scope: where one program or device is audited, what a saved capture holds of others is left out
//! before anything is told of it. What is left out is counted, in the journal and so in the report.

use super::bundle::new_folder;
use super::offline::{Job, Survey, survey};
use super::reel::{Scene, play};
use crate::decode::{Decoded, Decoder};
use crate::evidence::{Header, Pick, Store, StoreOptions, Told, question, read_journal};
use crate::wire::{Fragment, Frame, FrameNo, Packet, Text, Timestamp, Transport};
use anyhow::{Context, Result};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Stretches of what was left out are told so often at least.
const TOLD_EVERY: u64 = 1_000_000_000;

/// Leaves in the recording in `folder` the frames of flows in scope, the name resolution that led to them, and of flows of which
/// no program could be told the headers. Does nothing where everything is audited. The new recording is whole on the disk
/// before the old one goes.
///
/// # Errors
/// The recording cannot be read, or the new one not be written; then the old one is as it was.
pub(super) fn narrow(folder: &Path, job: &Job) -> Result<()> {
    let (header, entries) = read_journal(folder)?;
    let chosen = entries.iter().any(|entry| matches!(entry.told, Told::Scope { .. }));
    if !header.watched_only && header.device.is_none() && job.device.is_none() && !chosen {
        return Ok(());
    }
    drop(entries);
    let seen = survey(job)?;
    if seen.has_others() { narrow_to(folder, &seen) } else { Ok(()) }
}

/// The same for a recording of which a survey was made.
///
/// # Errors
/// As for [`narrow`].
pub(super) fn narrow_to(folder: &Path, seen: &Survey) -> Result<()> {
    let (header, _) = read_journal(folder)?;
    let new = folder.with_extension("narrowed");
    if new.exists() {
        fs::remove_dir_all(&new).with_context(|| format!("cannot remove {}, half made", new.display()))?;
    }
    new_folder(&new)?;
    if let Err(error) = copy(folder, &new, header, seen) {
        let _ = fs::remove_dir_all(&new);
        return Err(error);
    }
    let old = folder.with_extension("whole");
    let swapped = fs::rename(folder, &old).and_then(|()| fs::rename(&new, folder));
    swapped.with_context(|| format!("cannot put {} in the place of {}", new.display(), folder.display()))?;
    fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}, what was captured of others", old.display()))
}

/// That it could not be done: no evidence is lost, all of it stays.
pub(super) fn kept_all(error: &anyhow::Error) -> String {
    format!("frames out of scope stay in the evidence: {error:#}")
}

/// Puts in order what was interrupted while it narrowed this folder: one of the two recordings is whole.
///
/// # Errors
/// A folder cannot be renamed or removed.
pub(super) fn recover(folder: &Path) -> Result<()> {
    let (old, new) = (folder.with_extension("whole"), folder.with_extension("narrowed"));
    if old.exists() && !folder.exists() {
        fs::rename(&old, folder).with_context(|| format!("cannot rename {}", old.display()))?;
    }
    for left in [old, new] {
        if left.exists() {
            fs::remove_dir_all(&left).with_context(|| format!("cannot remove {}", left.display()))?;
        }
    }
    Ok(())
}

fn copy(folder: &Path, new: &Path, header: Header, seen: &Survey) -> Result<()> {
    let mut store = Store::create(new, StoreOptions::new(header))?;
    let mut scope = Scope::of(seen);
    let mut at = 0;
    let mut left = Left::default();
    let mut last = Timestamp::ZERO;
    let files: [PathBuf; 1] = [folder.to_owned()];
    play(&files, &mut |scene| {
        match scene {
            Scene::Header(_) => {}
            Scene::Interface(id, described) => store.interface(id, described),
            Scene::Counted(id, counted) => store.counted(id, counted),
            Scene::Told(after, told) => store.told(after, &told),
            Scene::Frame { frame, interface, direction } => {
                last = frame.time;
                let flow = seen.frames.get(at).map_or(0, |flow| u64::from(*flow));
                at += 1;
                let Some(bytes) = scope.stays(&frame, flow) else {
                    left.add(&frame);
                    if frame.time.since(left.from) >= TOLD_EVERY {
                        left.tell(&mut store);
                    }
                    return Ok(());
                };
                left.tell(&mut store);
                if let Some(told) = scope.owner(seen, flow, frame.number) {
                    store.told(frame.number, &told);
                }
                store.frame(&Pick { frame: Frame { bytes, ..frame }, interface, direction });
            }
        }
        Ok(())
    })?;
    left.tell(&mut store);
    store.close(last).1?;
    Ok(())
}

/// What was left out since it was last told.
#[derive(Debug, Default)]
struct Left {
    frames: u64,
    bytes: u64,
    from: Timestamp,
    until: Timestamp,
    after: FrameNo,
}

impl Left {
    fn add(&mut self, frame: &Frame<'_>) {
        if self.frames == 0 {
            self.from = frame.time;
        }
        self.frames += 1;
        self.bytes += u64::from(frame.original_len);
        (self.until, self.after) = (frame.time, frame.number);
    }

    fn tell(&mut self, store: &mut Store) {
        let Self { frames, bytes, from, until, after } = std::mem::take(self);
        if frames > 0 {
            store.told(after, &Told::outside_scope(frames, bytes, from, until));
        }
    }
}

struct Scope<'s> {
    seen: &'s Survey,
    /// Names that led to recipients of flows in scope.
    names: BTreeSet<&'s str>,
    /// Flows whose program was told in the new journal.
    told: HashSet<u64>,
    decoder: Decoder,
}

impl<'s> Scope<'s> {
    fn of(seen: &'s Survey) -> Self {
        let inside = seen.flows.iter().filter(|flow| flow.scope == "in");
        let names = inside.filter_map(|flow| seen.names.get(&flow.server.address)).flatten();
        let names = names.map(Text::exact).collect();
        Self { seen, names, told: HashSet::new(), decoder: Decoder::new() }
    }

    /// What stays of a frame; `flow` is the number of its flow, or 0.
    fn stays<'a>(&mut self, frame: &Frame<'a>, flow: u64) -> Option<&'a [u8]> {
        // Fragments are followed whether they stay or not.
        let Self { seen, names, decoder, .. } = self;
        let packet = match decoder.decode(frame) {
            Decoded::Packet(packet) => Some(packet),
            _ => None,
        };
        let at = usize::try_from(flow).ok().and_then(|flow| flow.checked_sub(1));
        let scope = at.and_then(|at| seen.flows.get(at)).map(|flow| flow.scope);
        match (scope, packet) {
            (Some("in"), _) => Some(frame.bytes),
            (Some(_), Some(packet)) if resolves(&packet, names) => Some(frame.bytes),
            (Some("unknown"), Some(packet)) => headers(&packet, frame),
            _ => None,
        }
    }

    /// Whose a flow is, with the first frame of it that stays.
    fn owner(&mut self, seen: &Survey, flow: u64, frame: FrameNo) -> Option<Told> {
        let at = usize::try_from(flow).ok()?.checked_sub(1)?;
        let known = seen.flows.get(at)?;
        let owner = known.owner.clone().filter(|_| self.told.insert(flow))?;
        let (transport, from, to) = (known.transport, known.client, known.server);
        Some(Told::Owner { frame, transport, from, to, owner, watched: known.scope == "in" })
    }
}

/// Whether a datagram asks for, or tells, a name that led to a recipient in scope.
fn resolves(packet: &Packet<'_>, names: &BTreeSet<&str>) -> bool {
    packet.transport == Transport::Udp
        && packet.fragment == Fragment::Whole
        && [packet.source.port, packet.destination.port].contains(&53)
        && question(packet.payload).is_some_and(|name| names.contains(name.as_str()))
}

/// The headers in front of a datagram or segment that is whole.
fn headers<'a>(packet: &Packet<'_>, frame: &Frame<'a>) -> Option<&'a [u8]> {
    if packet.fragment != Fragment::Whole {
        return None;
    }
    if packet.payload.is_empty() {
        return Some(frame.bytes);
    }
    frame.bytes.get(..packet.payload.as_ptr().addr().wrapping_sub(frame.bytes.as_ptr().addr()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::{Owner, OwnerMatch};
    use crate::engine::view::Summary;
    use crate::evidence::Described;
    use crate::run::{Input, Wanted, analyze, knowledge};
    use crate::synth::hello::{ClientHello, handshake_records};
    use crate::synth::{Random, dns, frames};
    use crate::wire::{Direction, End, LinkType, Side, TransportKind};

    fn end(address: &str, port: u16) -> End {
        End { address: address.parse().unwrap(), port }
    }

    fn owner(name: &str) -> Owner {
        Owner {
            pid: name.len() as u32,
            name: name.into(),
            path: Text::default(),
            started: None,
            container: Text::default(),
            parents: Vec::new(),
            matched: OwnerMatch::Socket,
        }
    }

    fn job(folder: &Path) -> Job {
        Job::new(Input::Files(vec![folder.to_owned()]), knowledge(&Wanted::default()).unwrap())
    }

    /// Three programs talk, and the system's resolver for all of them: the client, another, and one that nobody knows.
    fn recording(folder: &Path, watched_only: bool) {
        let random = &mut Random::new(1);
        let mut store = Store::create(folder, StoreOptions::new(Header { watched_only, ..Header::new() })).unwrap();
        store.interface(0, Described::new(LinkType::RAW));
        let (resolver, asker) = (end("9.9.9.9", 53), end("192.168.1.2", 40_000));
        let mut packets = Vec::new();
        let mut owners = Vec::new();
        let talks = [
            ("zoom.us", "170.114.52.2", Some(("zoom", true))),
            ("geheim.example", "198.51.100.7", Some(("mail", false))),
            ("niemand.example", "198.51.100.9", None),
        ];
        for (at, (name, address, program)) in (0_u16..).zip(talks) {
            let record =
                dns::Record { owner: name.into(), ttl: 60, data: dns::Data::Address(address.parse().unwrap()) };
            if at == 0 {
                owners.push((packets.len(), resolver, asker, TransportKind::Udp, "resolved", false));
            }
            packets.push(frames::udp(asker, resolver, &dns::query(at, name.as_bytes(), dns::A)));
            packets.push(frames::udp(resolver, asker, &dns::answer(at, name.as_bytes(), dns::A, &[record])));
            let (client, server) = (end("192.168.1.2", 50_000 + at), end(address, 443));
            if let Some((program, watched)) = program {
                owners.push((packets.len(), client, server, TransportKind::Tcp, program, watched));
            }
            let mut talk = frames::TcpTalk::new(client, server, random);
            packets.extend(talk.open());
            let hello = ClientHello::modern(name).message(random);
            packets.extend(talk.say(Side::First, &handshake_records(&hello, 16_384)));
        }
        for (at, bytes) in packets.iter().enumerate() {
            let number = FrameNo(at as u64 + 1);
            let time = Timestamp::from_secs(1_792_054_800).plus_nanos(at as u64 * 1_000_000);
            let frame = Frame { number, time, link: LinkType::RAW, original_len: bytes.len() as u32, bytes };
            assert!(store.frame(&Pick { frame, interface: 0, direction: Direction::Unknown }));
            for (_, from, to, transport, name, watched) in owners.iter().filter(|(first, ..)| *first == at) {
                let (transport, from, to) = (*transport, *from, *to);
                let told = Told::Owner { frame: number, transport, from, to, owner: owner(name), watched: *watched };
                store.told(number, &told);
            }
        }
        store.close(Timestamp::from_secs(1_792_054_900)).1.unwrap();
    }

    fn holds(folder: &Path, part: &str) -> bool {
        fs::read_dir(folder).unwrap().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            // As a name in TLS, and with the lengths of DNS.
            let labels: Vec<u8> = part.split('.').flat_map(|l| [&[l.len() as u8], l.as_bytes()].concat()).collect();
            [part.as_bytes(), &labels].into_iter().any(|part| bytes.windows(part.len()).any(|w| w == part))
        })
    }

    fn summary(folder: &Path) -> Summary {
        analyze(&job(folder)).unwrap().summary
    }

    #[test]
    fn what_others_said_is_left_out_counted_and_the_client_s_stays() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("capture");
        recording(&folder, true);
        let before = summary(&folder);
        assert!(["zoom.us", "geheim.example", "niemand.example"].into_iter().all(|name| holds(&folder, name)));
        // Interrupted before, while it put the new one in the place of the old one.
        fs::rename(&folder, folder.with_extension("whole")).unwrap();
        fs::create_dir(folder.with_extension("narrowed")).unwrap();
        recover(&folder).unwrap();
        narrow(&folder, &job(&folder)).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(holds(&folder, "zoom.us"));
        assert!(!holds(&folder, "geheim.example") && !holds(&folder, "niemand.example"));

        let after = summary(&folder);
        let told = |summary: &Summary| {
            summary.recipients.iter().map(|r| format!("{:?} {:?}", r.names, r.frames)).collect::<Vec<_>>()
        };
        assert_eq!(told(&before), told(&after));
        // Of the other: two of DNS and four of TCP; of the unknown two of DNS, and its four frames stay as headers.
        assert_eq!((before.circumstances.frames, after.circumstances.frames), (18, 10));
        assert_eq!((after.circumstances.outside_scope, after.circumstances.lost), (8, 0));
        assert!(after.losses.iter().any(|loss| loss.frames == 8 && loss.kind.contains("out of scope")));
        assert!(after.findings.iter().any(|finding| finding.code == "CAP-19"));
        let codes = |summary: &Summary| {
            let codes: BTreeSet<_> = summary.findings.iter().map(|f| f.code).collect();
            codes.into_iter().filter(|c| !["CAP-02", "CAP-19"].contains(c)).collect::<Vec<_>>()
        };
        assert_eq!(codes(&before), codes(&after));
        // Once more changes nothing.
        narrow(&folder, &job(&folder)).unwrap();
        assert_eq!(summary(&folder).circumstances.outside_scope, 8);
        assert_eq!(summary(&folder).circumstances.frames, 10);
    }

    #[test]
    fn where_everything_is_audited_nothing_is_touched() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("capture");
        recording(&folder, false);
        let before = fs::metadata(folder.join("capture-00001.pcapng")).unwrap().modified().unwrap();
        narrow(&folder, &job(&folder)).unwrap();
        assert!(holds(&folder, "geheim.example"));
        assert_eq!(fs::metadata(folder.join("capture-00001.pcapng")).unwrap().modified().unwrap(), before);
    }
}
