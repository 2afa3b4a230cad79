//! Pictures for the dashboard: of nothing, of the generated call, of what somebody hostile would send, and of very much.

use std::sync::{Arc, OnceLock};
use zollhund::attribution::{Owner, OwnerMatch};
use zollhund::engine::health::{Books, CaptureState, Choice, Client, Clock, Health, Kept, Notice, Saving, SourceKind};
use zollhund::engine::view::Marker;
use zollhund::engine::{Config, Engine, Input, Knowledge, Snapshot};
use zollhund::policy::Lang;
use zollhund::run::{Wanted, knowledge};
use zollhund::wire::{Frame, FrameNo, Text, Timestamp};

fn rules(lang: Lang) -> Knowledge {
    knowledge(&Wanted { service: Some("zoom"), lang, ..Wanted::default() }).unwrap()
}

pub fn empty(lang: Lang) -> Arc<Snapshot> {
    Arc::new(Engine::new(&Config::default()).snapshot(&rules(lang), 100))
}

/// The whole generated call.
pub fn busy(lang: Lang) -> Arc<Snapshot> {
    static MADE: [OnceLock<Arc<Snapshot>>; 2] = [OnceLock::new(), OnceLock::new()];
    Arc::clone(MADE[usize::from(lang == Lang::De)].get_or_init(|| make(lang)))
}

fn make(lang: Lang) -> Arc<Snapshot> {
    let call = zollhund::synth::call(1);
    let mut engine = Engine::new(&Config::default());
    for (number, (time, bytes)) in (1..).zip(call.frames()) {
        let original_len = bytes.len() as u32;
        engine.ingest(Input::Frame(Frame { number: FrameNo(number), time, link: call.link, original_len, bytes }));
        while engine.poll().is_some() {}
    }
    for (time, text) in &call.markers {
        engine.ingest(Input::Mark(Marker { time: *time, text: (*text).into() }));
    }
    engine.end();
    Arc::new(engine.snapshot(&rules(lang), 10_000))
}

/// A capture that has just been started and keeps nothing.
pub fn idle() -> Health {
    Health { source: "eth0".into(), kind: SourceKind::Generated, capture: CaptureState::Starting, ..Health::default() }
}

/// A live capture of the generated call that is being saved.
pub fn recording() -> Health {
    let picture = busy(Lang::En);
    let seen = &picture.summary.circumstances;
    Health {
        source: "eth0".into(),
        kind: SourceKind::Live,
        capture: CaptureState::Running,
        now: seen.last,
        started: seen.first,
        books: Books {
            delivered: 15_100,
            delivered_bytes: 8_800_000,
            analyzed: 15_095,
            saved: 15_100,
            ..Books::default()
        },
        clock: Clock { kept: Kept::Synchronised("systemd-timesyncd".into(), Some(seen.first)), ..Clock::default() },
        saving: Some(Saving {
            folder: "evidence/2026-10-15".into(),
            bytes: 5_300_000,
            files: 1,
            quota: 1_000_000_000,
            payload_kept: Some(16_384),
            durable_until: seen.last,
            failed: None,
        }),
        dropped_rights: vec!["capabilities".into(), "new sockets".into()],
        notices: vec![Notice { time: seen.first, grave: false, text: "capturing on eth0, not promiscuous".into() }],
        ..Health::default()
    }
}

/// The generated call on a machine that tells whose its flows are: those of a client, of a browser's child, of nobody known.
pub fn owned(lang: Lang) -> Arc<Snapshot> {
    let mut picture = Snapshot::clone(&busy(lang));
    let owner = |pid, name: &str, parents: Vec<(u32, Text)>| {
        let (path, container) = (Text::default(), Text::default());
        Arc::new(Owner { pid, name: name.into(), path, started: None, container, parents, matched: OwnerMatch::Socket })
    };
    let browser = [(5_100, "firefox".into()), (900, "systemd".into())].to_vec();
    let owners = [
        Some(owner(4_711, "zoom", Vec::new())),
        Some(owner(4_720, "aomhost", vec![(4_711, "zoom".into())])),
        Some(owner(5_117, "firefox", browser)),
        None,
    ];
    for (flow, owner) in picture.flows.iter_mut().zip(owners.iter().cycle()) {
        flow.owner.clone_from(owner);
    }
    Arc::new(picture)
}

/// A live capture on which a client can be chosen.
pub fn choosing() -> Health {
    let client = |pid, name: &str, services: &[&str]| Client {
        pid,
        name: name.into(),
        started: None,
        services: services.iter().map(|id| (*id).into()).collect(),
    };
    let clients = [client(4_711, "zoom", &["zoom"]), client(6_001, "teams", &["teams", "teams-free"])];
    Health { choice: Choice::Yes { clients: Some(clients.into()) }, ..recording() }
}

/// What acts on terminals, reorders or hides text, climbs out of its line, looks like markup or a formula, is too long, too
/// wide, or no text at all.
const HOSTILE: [&str; 10] = [
    "a\u{1b}[2J\u{1b}]52;c;x\u{7}b.example",
    "\u{202e}moc.elgoog\u{202c}.example",
    "zero\u{200b}width\u{feff}.example",
    "c1\u{9b}31m\u{85}.example",
    "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}algo.example",
    "=cmd|'/c calc'!A0",
    "<script>alert(1)</script>",
    "\r\n\t\0",
    "日本語のとても長い名前。例え",
    "x.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example",
];

/// The generated call with hostile text wherever somebody else chooses it.
pub fn hostile() -> (Arc<Snapshot>, Health) {
    let mut picture = Snapshot::clone(&busy(Lang::En));
    let mut texts = HOSTILE.into_iter().cycle();
    let mut next = || Text::from(texts.next().unwrap());
    for recipient in &mut picture.summary.recipients {
        for (name, _) in &mut recipient.names {
            *name = next();
        }
        recipient.processes = vec![next(), next()];
    }
    for flow in &mut picture.flows {
        if let Some((name, _)) = &mut flow.name {
            *name = next();
        }
        flow.aliases = vec![next(), next()];
        flow.owner = Some(Arc::new(Owner {
            pid: 4,
            name: next(),
            path: next(),
            started: None,
            container: next(),
            parents: Vec::new(),
            matched: OwnerMatch::Socket,
        }));
    }
    for hello in &mut picture.handshakes {
        hello.sni = Some(next());
        hello.offer.alpn = vec![next()];
    }
    for marker in &mut picture.summary.markers {
        marker.text = next();
    }
    let mut health = recording();
    health.source = next();
    for _ in HOSTILE {
        health.notices.push(Notice { time: Timestamp::ZERO, grave: true, text: next() });
    }
    health.choice = Choice::Yes {
        clients: Some(HOSTILE.map(|_| Client { pid: 7, name: next(), started: None, services: Vec::new() }).into()),
    };
    if let Some(saving) = &mut health.saving {
        saving.folder = next();
    }
    (Arc::new(picture), health)
}

/// So many recipients and flows, made of those of the generated call.
pub fn large(recipients: usize, flows: usize) -> Arc<Snapshot> {
    let mut picture = Snapshot::clone(&busy(Lang::En));
    let (some, few) = (picture.summary.recipients.clone(), picture.flows.clone());
    picture.summary.recipients = (0..recipients)
        .map(|n| {
            let mut recipient = some[n % some.len()].clone();
            recipient.frames = vec![FrameNo(1_000_000 + n as u64)];
            for (name, _) in &mut recipient.names {
                *name = format!("n{n}.{}", name.exact()).as_str().into();
            }
            if recipient.names.is_empty() {
                recipient.addresses = vec![std::net::Ipv4Addr::from(0xc633_6400 + n as u32).into()];
            }
            recipient.traffic.bytes_up = (n as u64 * 7_919) % 1_000_003;
            recipient
        })
        .collect();
    picture.summary.recipients.sort_by_key(|r| (r.listing, std::cmp::Reverse(r.traffic.bytes_up)));
    picture.flows = (0..flows)
        .map(|n| {
            let mut flow = few[n % few.len()].clone();
            flow.flow = n as u64 + 1;
            flow.recipient = Some(n % recipients.max(1));
            flow.up.bytes = (n as u64 * 104_729) % 1_000_003;
            flow
        })
        .collect();
    picture.summary.flows = flows as u64;
    for series in &mut picture.summary.timeline.series {
        series.recipient = series.recipient.filter(|at| *at < recipients);
    }
    Arc::new(picture)
}

/// The same, with so many others before it: every position is another.
pub fn replaced(picture: &Arc<Snapshot>, before: usize) -> Arc<Snapshot> {
    let mut picture = Snapshot::clone(picture);
    let mut more: Vec<_> = picture.summary.recipients.iter().take(before).cloned().collect();
    for (n, recipient) in more.iter_mut().enumerate() {
        recipient.frames = vec![FrameNo(5_000_000 + n as u64)];
    }
    picture.summary.recipients.splice(0..0, more);
    Arc::new(picture)
}
