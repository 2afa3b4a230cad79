//! What a capture says beside its frames, and what the engine is told of it. The same for files and for what is watched.

use crate::attribution::{Owner, OwnerMatch};
use crate::capture::{About, Note};
use crate::engine::view::{Incident, Interface, LossView, Marker, Recording};
use crate::engine::{Engine, Input};
use crate::evidence::{Comment, Described, Header, Statistics, Store, Told, read_comment};
use crate::wire::capfile::APPLICATION;
use crate::wire::{Frame, LinkType, Text, Timestamp};
use std::collections::BTreeMap;

/// Interfaces whose drop counters are kept; more than any machine has.
const MAX_INTERFACES: usize = 1 << 12;

/// Listens to the notes of one capture.
#[derive(Debug, Default)]
pub(super) struct Listener {
    /// The current section was written by this program.
    own: bool,
    drops: Drops,
    /// Losses are told from elsewhere: the journal of the same capture.
    journal: bool,
    /// Counters are told as they grow, not at the end.
    running: bool,
    /// What the section says of the whole capture.
    header: Option<Header>,
}

impl Listener {
    /// For a capture whose journal is read too.
    pub(super) fn beside_journal() -> Self {
        Self { journal: true, ..Self::default() }
    }

    /// For interfaces that are being captured on.
    pub(super) fn running() -> Self {
        Self { running: true, ..Self::default() }
    }

    pub(super) fn take_header(&mut self) -> Option<Header> {
        self.header.take()
    }

    /// What follows from a note. `last` is the time of the frame before.
    pub(super) fn note(&mut self, note: &Note, last: Timestamp, tell: &mut dyn FnMut(Saying)) {
        match note {
            Note::Section { application, .. } => {
                self.end(last, tell);
                self.own = application.as_ref().is_some_and(|name| name.exact().starts_with(APPLICATION));
            }
            Note::Interface { id, addresses, .. } => {
                tell(Saying::Through(*id));
                for address in addresses.iter().filter(|_| !self.journal) {
                    tell(Saying::Told(Told::Local(*address)));
                }
            }
            Note::Comment { about, text } if self.own => match (about, read_comment(text.exact())) {
                (About::Section, _) => self.header = Header::from_comment(text.exact()).or(self.header.take()),
                (_, Some(Comment::Mark(mark))) if !self.journal => tell(Saying::Told(Told::Mark(mark))),
                (_, Some(Comment::Told(told @ (Told::Scope { .. } | Told::Program { .. })))) if !self.journal => {
                    tell(Saying::Told(told));
                }
                (About::Frame(..), Some(Comment::Process { owner, watched })) if !self.journal => {
                    tell(Saying::Owner { owner, watched });
                }
                _ => {}
            },
            Note::Comment { about: About::Frame(_, time), text } => match phone_comment(text) {
                Some(owner) => tell(Saying::Owner { owner, watched: false }),
                None => tell(Saying::Told(Told::Mark(Marker { time: *time, text: text.clone() }))),
            },
            Note::Comment { about: About::Time(time), text } => {
                tell(Saying::Told(Told::Mark(Marker { time: *time, text: text.clone() })));
            }
            Note::Dropped { frames, time, .. } if !self.journal => {
                self.drops.told = self.drops.told.saturating_add(*frames);
                lost("interface", "dropped before a frame", *frames, *time, tell);
            }
            Note::Statistics { interface, dropped_by_interface, dropped_by_system, .. } if !self.journal => {
                let counts = [dropped_by_interface.unwrap_or(0), dropped_by_system.unwrap_or(0)];
                let [by_interface, by_system] = self.drops.count(*interface, counts);
                if self.running {
                    lost("interface", "dropped by the interface", by_interface, last, tell);
                    lost("kernel", "dropped because the kernel's ring was full", by_system, last, tell);
                }
            }
            Note::Gone { why, .. } => {
                tell(Saying::Told(Told::Notice { time: last, grave: true, text: why.clone() }));
                let incident = Told::Incident(last, Incident::InterfaceGone);
                tell(Saying::Told(if self.running { incident } else { Told::Truncated }));
            }
            Note::Uncaptured { why } => {
                tell(Saying::Told(Told::Notice { time: last, grave: true, text: why.clone() }));
                tell(Saying::Told(Told::Incident(last, Incident::WayNotCaptured)));
            }
            Note::Back { how, .. } => {
                tell(Saying::Told(Told::Notice { time: last, grave: false, text: how.clone() }));
            }
            _ => {}
        }
    }

    /// The capture or its section is over.
    pub(super) fn end(&mut self, last: Timestamp, tell: &mut dyn FnMut(Saying)) {
        let frames = self.drops.settle();
        if !self.running {
            lost("interface", "dropped while capturing", frames, last, tell);
        }
    }
}

/// Something that follows from a note.
#[derive(Debug)]
pub(super) enum Saying {
    Told(Told),
    /// There is an interface of this number.
    Through(u32),
    /// Whose the flow of the frame before is.
    Owner {
        owner: Owner,
        watched: bool,
    },
}

impl Saying {
    /// Tells the engine.
    pub(super) fn tell(self, engine: &mut Engine) {
        match self {
            Self::Told(told) => tell(&told, engine),
            Self::Through(interface) => engine.ingest(Input::Through(interface)),
            Self::Owner { owner, watched } => engine.ingest(Input::Owner { flow: None, owner, watched }),
        }
    }
}

/// Interfaces of which a report tells how they were recorded on.
const TOLD_INTERFACES: usize = 16;

/// Notes down how a capture was recorded, as far as this note says it.
pub(super) fn recorded(note: &Note, recording: &mut Recording) {
    let say = |text: &Option<Text>, to: &mut Text| {
        if let Some(text) = text.as_ref().filter(|_| to.exact().is_empty()) {
            *to = text.clone();
        }
    };
    match note {
        Note::Section { application, system, hardware } => {
            say(application, &mut recording.application);
            say(system, &mut recording.system);
            say(hardware, &mut recording.hardware);
        }
        Note::Interface { name, description, filter, snap_len, .. } => {
            let text = |text: &Option<Text>| text.clone().unwrap_or_default();
            let (name, description, filter) = (text(name), text(description), text(filter));
            let interface = Interface { name, description, filter, snap_len: *snap_len };
            if recording.interfaces.len() < TOLD_INTERFACES && !recording.interfaces.contains(&interface) {
                recording.interfaces.push(interface);
            }
        }
        _ => {}
    }
}

/// An interface, as a note tells of it.
pub(super) fn described(note: &Note) -> Option<(u32, Described)> {
    let Note::Interface { id, link, name, description, addresses, mac, snap_len, filter } = note else { return None };
    let described = Described {
        link: *link,
        name: name.clone(),
        description: description.clone(),
        addresses: addresses.clone(),
        mac: *mac,
        snap_len: *snap_len,
        filter: filter.clone(),
    };
    Some((*id, described))
}

/// Writes down what capture files have a place of their own for. `started`: when the interfaces began to count.
pub(super) fn keep_note(store: &mut Store, note: &Note, started: Timestamp) {
    match note {
        Note::Interface { .. } => {
            if let Some((id, described)) = described(note) {
                store.interface(id, described);
            }
        }
        Note::Statistics { interface, received, dropped_by_interface, dropped_by_system, delivered } => {
            let counted = Statistics {
                started,
                received: *received,
                dropped_by_interface: *dropped_by_interface,
                dropped_by_system: *dropped_by_system,
                delivered: *delivered,
            };
            store.counted(*interface, counted);
        }
        // Another capture lost them before; they are missing here too.
        Note::Dropped { frames, .. } => store.lost(0, *frames),
        Note::Names(names) => names.iter().for_each(|(address, name)| store.name(*address, name.clone())),
        _ => {}
    }
}

/// Tells the engine what concerns it.
pub(super) fn tell(told: &Told, engine: &mut Engine) {
    engine.ingest(match told {
        Told::Local(address) => Input::Local(*address),
        Told::Loss { loss, .. } => Input::Loss(loss.clone()),
        Told::OutsideScope(left) => Input::OutsideScope(left.clone()),
        Told::Truncated => Input::Truncated,
        Told::Incident(_, incident) => Input::Incident(*incident),
        Told::Mark(mark) => Input::Mark(mark.clone()),
        Told::Scope { client, .. } => Input::WatchedOnly(!client.is_empty()),
        Told::Program { owner, watched } => Input::Program { owner: owner.clone(), watched: *watched },
        Told::Tick(time) => Input::Tick(*time),
        // Whose flow it is cannot be said here.
        Told::Owner { .. } | Told::Notice { .. } | Told::Given(_) => return,
    });
}

fn lost(stage: &str, kind: &str, frames: u64, at: Timestamp, tell: &mut dyn FnMut(Saying)) {
    if frames > 0 {
        let (stage, kind) = (stage.into(), kind.into());
        let loss = LossView { stage, kind, frames, bytes: 0, from: at, until: at };
        tell(Saying::Told(Told::Loss { loss, kept: false }));
    }
}

fn by_name(name: Text) -> Owner {
    Owner {
        pid: 0,
        name,
        path: Text::default(),
        started: None,
        container: Text::default(),
        parents: Vec::new(),
        matched: OwnerMatch::Told,
    }
}

/// PCAPdroid marks each frame of a pcapng file with the Android user id of its app.
fn phone_comment(text: &Text) -> Option<Owner> {
    let uid = text.exact().strip_prefix("u-").filter(|uid| uid.len() <= 10)?;
    let digits = uid.strip_prefix('-').unwrap_or(uid);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // -1 says that it is not known.
    (uid == digits).then(|| by_name(Text::from(format!("android uid {uid}").as_str())))
}

/// PCAPdroid's trailer: behind the packet of an Ethernet frame stand a magic number, the user id, the app's name (20 bytes)
/// and a checksum.
pub(super) fn phone_trailer(frame: &Frame<'_>) -> Option<Owner> {
    const MAGIC: [u8; 4] = [0x01, 0x07, 0x20, 0x21];
    if frame.link != LinkType::ETHERNET || frame.is_cut() {
        return None;
    }
    let trailer = frame.bytes.last_chunk::<32>()?;
    let (magic, rest) = trailer.split_first_chunk::<4>()?;
    let (uid, rest) = rest.split_first_chunk::<4>()?;
    let name = rest.first_chunk::<20>()?;
    if *magic != MAGIC {
        return None;
    }
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    if !name.is_empty() {
        return Some(by_name(Text::from_wire(name)));
    }
    let uid = i32::from_be_bytes(*uid);
    (uid >= 0).then(|| by_name(Text::from(format!("android uid {uid}").as_str())))
}

/// Drop counters of one section of a capture.
#[derive(Debug, Default)]
struct Drops {
    /// Per interface, by the interface and by the system; counters run on, so the last ones count.
    counters: BTreeMap<u32, [u64; 2]>,
    /// Frames whose loss was told beside the frame that followed it: the counters hold them again.
    told: u64,
}

impl Drops {
    /// Notes counters down and gives by how much they grew.
    fn count(&mut self, interface: u32, counts: [u64; 2]) -> [u64; 2] {
        if self.counters.len() >= MAX_INTERFACES && !self.counters.contains_key(&interface) {
            return [0; 2];
        }
        let [a, b] = self.counters.insert(interface, counts).unwrap_or_default();
        [counts[0].saturating_sub(a), counts[1].saturating_sub(b)]
    }

    /// The section is over: what the counters hold beyond what was told. Interfaces are numbered anew in the next one.
    fn settle(&mut self) -> u64 {
        let Self { counters, told } = std::mem::take(self);
        let all = counters.into_values().flatten();
        all.fold(0, |sum: u64, frames| sum.saturating_add(frames)).saturating_sub(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FrameNo;

    #[test]
    fn a_lost_frame_is_counted_once() {
        let mut drops = Drops::default();
        drops.count(0, [1, 2]);
        drops.count(1, [0, 4]);
        // Counters run on.
        assert_eq!(drops.count(0, [1, 4]), [0, 2]);
        drops.told = 2;
        assert_eq!(drops.settle(), 7);
        // The next section has interfaces of its own.
        drops.count(0, [1, 0]);
        assert_eq!(drops.settle(), 1);
        // A file may tell more beside its frames than its counters hold.
        drops.told = 9;
        assert_eq!(drops.settle(), 0);
    }

    #[test]
    fn a_phone_names_its_apps() {
        let trailer = |magic: u8, uid: [u8; 4], name: &str| {
            let mut bytes = vec![0; 60];
            bytes.extend([magic, 0x07, 0x20, 0x21]);
            bytes.extend(uid);
            bytes.extend(name.as_bytes());
            bytes.resize(92, 0);
            let (number, time, link) = (FrameNo(1), Timestamp::ZERO, LinkType::ETHERNET);
            phone_trailer(&Frame { number, time, link, original_len: 92, bytes: &bytes })
        };
        let owner = trailer(1, [0, 0, 0x27, 0x8b], "Zoom").unwrap();
        assert_eq!((owner.name.exact(), owner.pid, owner.matched), ("Zoom", 0, OwnerMatch::Told));
        assert_eq!(trailer(1, [0, 0, 0x27, 0x8b], "").unwrap().name.exact(), "android uid 10123");
        assert!(trailer(1, [0xff; 4], "").is_none(), "not known to the phone");
        assert!(trailer(9, [0, 0, 0x27, 0x8b], "Zoom").is_none());
        assert_eq!(phone_comment(&"u-10123".into()).unwrap().name.exact(), "android uid 10123");
        for other in ["u-", "u-1x", "u--1", "muted", "u-99999999999"] {
            assert!(phone_comment(&other.into()).is_none(), "{other}");
        }
    }
}
