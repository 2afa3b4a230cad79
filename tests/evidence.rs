//! What is saved: read back by this program and by others, the same analysis from it, and files that stay whole whatever
//! happens.

#![allow(clippy::print_stderr, reason = "what is left out is said loudly")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use zollhund::attribution::{Owner, OwnerMatch};
use zollhund::capture::{About, CaptureFile, Captured, Digest, Ending, Note};
use zollhund::engine::Knowledge;
use zollhund::engine::view::{LossView, Marker, Summary};
use zollhund::evidence::{
    Closed, Comment, Described, EvidenceError, Header, JOURNAL, Pick, Statistics, Store, StoreOptions, Told,
    read_comment, read_journal,
};
use zollhund::run::{Input, Job, Wanted, analyze};
use zollhund::synth;
use zollhund::wire::{Direction, End, Frame, FrameNo, LinkType, Text, Timestamp, TransportKind};

fn knowledge() -> Knowledge {
    zollhund::run::knowledge(&Wanted { service: Some("zoom"), ..Wanted::default() }).unwrap()
}

fn summary(input: Input) -> Summary {
    let job = Job::new(input, knowledge());
    let outcome = analyze(&job).unwrap();
    assert!(outcome.complaints.is_empty(), "{:?}", outcome.complaints);
    outcome.summary
}

/// Everything that a finding says.
fn findings(summary: &Summary) -> Vec<String> {
    summary.findings.iter().map(|f| format!("{f:?}")).collect()
}

fn header(payload_kept: Option<u32>) -> Header {
    Header { source: "test".into(), payload_kept, ..Header::new() }
}

/// Numbers every frame of the call with `number`, and saves it.
fn save(folder: &Path, options: StoreOptions, number: impl Fn(u64) -> u64) -> Closed {
    let call = synth::call(1);
    let mut store = Store::create(folder, options).unwrap();
    store.interface(0, Described { name: Some("eth0".into()), ..Described::new(call.link) });
    let mut markers = call.markers.iter().peekable();
    let mut end = Timestamp::ZERO;
    for (n, (time, bytes)) in (1..).zip(call.frames()) {
        while let Some((at, text)) = markers.next_if(|(at, _)| *at <= time) {
            let mark = Marker { time: *at, text: (*text).into() };
            store.told(FrameNo(number(n - 1)), &Told::Mark(mark));
        }
        let original_len = bytes.len() as u32;
        let frame = Frame { number: FrameNo(number(n)), time, link: call.link, original_len, bytes };
        assert!(store.frame(&Pick { frame, interface: 0, direction: Direction::Outbound }));
        end = time;
    }
    for (at, text) in markers {
        store.told(FrameNo(u64::MAX - 1), &Told::Mark(Marker { time: *at, text: (*text).into() }));
    }
    let (closed, result) = store.close(end);
    result.unwrap();
    closed
}

struct Back {
    frames: Vec<(u64, usize, u32, Direction)>,
    notes: Vec<Note>,
    ending: Ending,
}

fn read(path: &Path) -> Back {
    let mut file = CaptureFile::open(path, Digest::Skip).unwrap();
    let (mut frames, mut notes) = (Vec::new(), Vec::new());
    while let Some(record) = file.next().unwrap() {
        match record {
            Captured::Frame { frame: f, .. } => {
                frames.push((f.number.0, f.bytes.len(), f.original_len, Direction::Unknown));
            }
            Captured::Note(note) => notes.push(note),
        }
    }
    Back { frames, notes, ending: file.ending().cloned().unwrap() }
}

fn owner(pid: u32, name: &str) -> Owner {
    Owner {
        pid,
        name: name.into(),
        path: "/opt/zoom/zoom".into(),
        started: Some(Timestamp(1_792_054_790_000_000_007)),
        container: "flatpak us.zoom.Zoom".into(),
        parents: vec![(1, "systemd".into())],
        matched: OwnerMatch::Socket,
    }
}

/// `None`, and a loud word, where the program is not installed.
fn other_program(program: &str, args: &[&str]) -> Option<String> {
    let Ok(done) = Command::new(program).args(args).output() else {
        eprintln!("SKIPPED: {program} is not installed, so it did not read our files");
        return None;
    };
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8(done.stdout).unwrap())
}

#[test]
fn who_was_chosen_stands_in_the_journal_and_in_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept");
    let mut store = Store::create(&path, StoreOptions { segment: 2_000, ..StoreOptions::new(header(None)) }).unwrap();
    store.interface(0, Described::new(LinkType::RAW));
    let end = |address: &str, port| End { address: address.parse().unwrap(), port };
    let (from, to) = (end("192.0.2.7", 40_000), end("198.51.100.1", 3478));
    let datagram = synth::frames::udp(from, to, &[7; 900]);
    let frame = |store: &mut Store, number| {
        let (time, original_len) = (Timestamp(1_792_054_800_000_000_000 + number), datagram.len() as u32);
        let frame = Frame { number: FrameNo(number), time, link: LinkType::RAW, original_len, bytes: &datagram };
        assert!(store.frame(&Pick { frame, interface: 0, direction: Direction::Inbound }));
    };
    frame(&mut store, 1);
    let asked = |watched| Told::Owner {
        frame: FrameNo(1),
        transport: TransportKind::Udp,
        from,
        to,
        owner: owner(77, "zoom"),
        watched,
    };
    store.told(FrameNo(1), &asked(false));
    let chosen = [
        Told::Program { owner: owner(77, "zoom"), watched: true },
        Told::Scope { time: Timestamp(1_792_054_800_000_000_009), client: "zoom [77]".into() },
    ];
    for told in &chosen {
        store.told(FrameNo(1), told);
    }
    (2..6).for_each(|number| frame(&mut store, number));
    let (closed, result) = store.close(Timestamp(1_792_054_801_000_000_000));
    result.unwrap();
    let (_, entries) = read_journal(&path).unwrap();
    assert_eq!(entries.iter().map(|e| &e.told).collect::<Vec<_>>(), [&asked(false), &chosen[0], &chosen[1]]);

    let [first, second, ..] = &closed.files[..] else { panic!("{:?}", closed.files) };
    let comments = |file: &Path| {
        let notes = read(file).notes.into_iter();
        let texts = notes.filter_map(|n| if let Note::Comment { text, .. } = n { Some(text) } else { None });
        texts.collect::<Vec<_>>()
    };
    let told: Vec<_> = comments(first).iter().filter_map(|text| read_comment(text.exact())).collect();
    for statement in chosen {
        assert!(told.contains(&Comment::Told(statement)), "{told:?}");
    }
    // A later file alone says it too: of the whole, and of the flow.
    let later = comments(second);
    let headers: Vec<_> = later.iter().filter_map(|text| Header::from_comment(text.exact())).collect();
    assert!(headers.len() == 1 && headers[0].watched_only, "{later:?}");
    let of_flow = later.iter().filter_map(|text| read_comment(text.exact()));
    assert_eq!(of_flow.collect::<Vec<_>>(), [Comment::Process { owner: owner(77, "zoom"), watched: true }]);
}

#[test]
fn everything_kept_gives_the_same_analysis_and_names_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("call");
    save(&saved, StoreOptions::new(header(None)), |n| n);
    let (live, back) = (summary(Input::Demo { seed: 1 }), summary(Input::Files(vec![saved.clone()])));
    assert_eq!(findings(&live), findings(&back));
    assert_eq!(live.markers, back.markers);
    // Without the journal too.
    let file = summary(Input::Files(vec![saved.join("capture-00001.pcapng")]));
    assert_eq!((findings(&live), &live.markers), (findings(&file), &file.markers));
}

#[test]
fn minimised_evidence_gives_the_same_findings_and_says_what_it_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("call");
    let closed = save(&saved, StoreOptions::new(header(Some(StoreOptions::PAYLOAD))), |n| n);
    let (live, back) = (summary(Input::Demo { seed: 1 }), summary(Input::Files(vec![saved])));
    let (left, found): (Vec<_>, Vec<_>) = back.findings.iter().partition(|f| f.code == "CAP-02");
    assert_eq!(left.len(), 1);
    assert!(left[0].text.contains("16,384 bytes"), "{}", left[0].text);
    assert_eq!(findings(&live), found.iter().map(|f| format!("{f:?}")).collect::<Vec<_>>());
    assert_eq!((live.up, live.down), (back.up, back.down), "volumes stay exact");
    assert!(closed.bytes < 4_000_000, "of 8.8 MB {} bytes are kept", closed.bytes);
}

#[test]
fn numbers_losses_programs_markers_and_names_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let mut store = Store::create(&path, StoreOptions::new(header(Some(64)))).unwrap();
    let host: IpAddr = "192.0.2.7".parse().unwrap();
    let addresses = vec![host, "2001:db8::7".parse().unwrap()];
    let mac = Some([2, 0, 0x5e, 0x10, 0, 1]);
    let filter = Some(Text::from("udp"));
    store.interface(
        0,
        Described { name: Some("wlan0".into()), addresses, mac, filter, ..Described::new(LinkType::RAW) },
    );
    let end = |address: &str, port| End { address: address.parse().unwrap(), port };
    let (from, to) = (end("192.0.2.7", 40_000), end("198.51.100.1", 3478));
    let datagram = synth::frames::udp(from, to, &[7; 200]);
    let frame = |store: &mut Store, number| {
        let time = Timestamp(1_792_054_800_000_000_001 + number);
        let original_len = datagram.len() as u32;
        let frame = Frame { number: FrameNo(number), time, link: LinkType::RAW, original_len, bytes: &datagram };
        store.frame(&Pick { frame, interface: 0, direction: Direction::Inbound })
    };
    assert!(frame(&mut store, 5));
    store.told(
        FrameNo(5),
        &Told::Owner {
            frame: FrameNo(5),
            transport: TransportKind::Udp,
            from,
            to,
            owner: owner(77, "zoom"),
            watched: true,
        },
    );
    store.lost(0, 3);
    let counted = Statistics {
        received: Some(40),
        dropped_by_interface: Some(1),
        dropped_by_system: Some(4),
        ..Statistics::default()
    };
    store.counted(0, counted);
    assert!(frame(&mut store, 20));
    let mark = Marker { time: Timestamp(1_792_054_800_500_000_000), text: "mit \u{fc}: Kamera an".into() };
    store.told(FrameNo(20), &Told::Mark(mark.clone()));
    for (address, name) in [("198.51.100.1", "turn.example.com"), ("2001:db8::1", "a.example"), ("203.0.113.9", "abc")]
    {
        store.name(address.parse().unwrap(), name.into());
    }
    let loss =
        LossView { stage: "kernel".into(), kind: "x".into(), frames: 4, bytes: 0, from: mark.time, until: mark.time };
    store.told(FrameNo(20), &Told::Loss { loss, kept: false });
    let (closed, result) = store.close(Timestamp(1_792_054_801_000_000_000));
    result.unwrap();
    assert_eq!((closed.frames, closed.files.len()), (2, 2));

    let file = path.join("capture-00001.pcapng");
    let back = read(&file);
    assert_eq!(back.ending, Ending::Complete);
    // 28 bytes of headers and 64 of payload; of the second only headers.
    assert_eq!(back.frames.iter().map(|f| (f.0, f.1, f.2)).collect::<Vec<_>>(), [(5, 92, 228), (20, 28, 228)]);
    assert!(back.notes.contains(&Note::Dropped {
        before: FrameNo(20),
        time: Timestamp(1_792_054_800_000_000_021),
        frames: 8
    }));
    let comments: Vec<_> = back
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::Comment { about, text } => Some((*about, read_comment(text.exact())?)),
            _ => None,
        })
        .collect();
    let about = About::Frame(FrameNo(20), Timestamp(1_792_054_800_000_000_021));
    let process = Comment::Process { owner: owner(77, "zoom"), watched: true };
    assert_eq!(comments, [(about, process), (About::Interface(0), Comment::Mark(mark.clone()))]);
    let names: Vec<_> =
        back.notes.iter().filter_map(|n| if let Note::Names(n) = n { Some(n.clone()) } else { None }).collect();
    assert_eq!(names.concat().len(), 3);
    let statistics = Note::Statistics {
        interface: 0,
        received: Some(40),
        dropped_by_interface: Some(1),
        dropped_by_system: Some(7),
        delivered: Some(2),
    };
    assert!(back.notes.contains(&statistics), "{:?}", back.notes);
    let described = back.notes.iter().any(|note| {
        matches!(note, Note::Interface { name: Some(n), addresses, mac: Some(_), filter: Some(f), .. }
            if n.exact() == "wlan0" && addresses.contains(&host) && f.exact() == "udp")
    });
    assert!(described, "{:?}", back.notes);

    let (read_header, entries) = read_journal(&path).unwrap();
    assert_eq!(read_header, header(Some(64)));
    assert_eq!(entries.len(), 3);
    assert!(matches!(&entries[0].told, Told::Owner { owner: o, .. } if *o == owner(77, "zoom")));
    assert_eq!(entries[1].told, Told::Mark(mark));

    let file = file.to_str().unwrap();
    if let Some(text) = other_program(
        "tshark",
        &[
            "-r",
            file,
            "-T",
            "fields",
            "-e",
            "frame.packet_id",
            "-e",
            "frame.drop_count",
            "-e",
            "frame.comment",
            "-e",
            "frame.cap_len",
        ],
    ) {
        let rows: Vec<Vec<_>> = text.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!((rows[0][0], rows[0][3]), ("5", "92"), "{text}");
        assert_eq!((rows[1][0], rows[1][1], rows[1][3]), ("20", "8", "28"), "{text}");
        assert!(rows[1][2].contains("zoom"), "{text}");
    }
    if let Some(text) = other_program("tshark", &["-2", "-r", file, "-N", "n", "-T", "fields", "-e", "ip.dst_host"]) {
        assert!(text.contains("turn.example.com"), "the names block is read: {text}");
    }
    if let Some(text) = other_program("capinfos", &[file]) {
        assert!(text.contains("wlan0"), "{text}");
    }
}

#[test]
fn segments_follow_each_other_and_count_each_loss_once() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("call");
    let options = StoreOptions { segment: 300_000, ..StoreOptions::new(header(Some(StoreOptions::PAYLOAD))) };
    // Every tenth number is missing, as if it had been lost.
    let closed = save(&saved, options, |n| n + n / 10);
    let segments: Vec<_> =
        closed.files.iter().filter(|f| f.extension().is_some_and(|e| e == "pcapng")).cloned().collect();
    assert!(segments.len() > 3, "{segments:?}");
    let numbers: Vec<_> = segments.iter().flat_map(|path| read(path).frames).map(|f| f.0).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert_eq!(numbers.last(), Some(&(numbers.len() as u64 * 11 / 10)));
    let whole = folder.path().join("whole");
    save(&whole, StoreOptions::new(header(Some(StoreOptions::PAYLOAD))), |n| n + n / 10);
    let (many, one) = (summary(Input::Files(vec![saved])), summary(Input::Files(vec![whole])));
    assert_eq!(findings(&many), findings(&one));
    assert_eq!(many.flows, one.flows);
    let of_files = summary(Input::Files(segments));
    assert_eq!(findings(&of_files), findings(&one), "the files alone tell the same");
}

#[test]
fn a_quota_ends_the_writing_and_leaves_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let call = synth::call(1);
    let options = StoreOptions { quota: 100_000, ..StoreOptions::new(header(None)) };
    let mut store = Store::create(&folder.path().join("q"), options).unwrap();
    store.interface(0, Described::new(call.link));
    let mut kept = 0;
    for (number, (time, bytes)) in (1..).zip(call.frames()) {
        let frame = Frame { number: FrameNo(number), time, link: call.link, original_len: bytes.len() as u32, bytes };
        kept += u64::from(store.frame(&Pick { frame, interface: 0, direction: Direction::Unknown }));
    }
    assert!(matches!(store.failure(), Some(EvidenceError::Quota { quota: 100_000 })));
    let (closed, result) = store.close(Timestamp::ZERO);
    assert!(matches!(result, Err(EvidenceError::Quota { .. })));
    assert_eq!(closed.frames, kept);
    let back = read(&closed.files[0]);
    assert_eq!((back.ending, back.frames.len() as u64), (Ending::Complete, kept));
    assert!(closed.bytes < 103_000, "{}", closed.bytes);
    let lost: u64 = call.frames().len() as u64 - kept;
    assert!(back.notes.iter().any(|n| matches!(n, Note::Statistics { dropped_by_system: Some(l), .. } if *l == lost)));
}

#[test]
fn nothing_is_overwritten_and_nobody_else_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("new/call");
    save(&saved, StoreOptions::new(header(None)), |n| n);
    let again = Store::create(&saved, StoreOptions::new(header(None))).unwrap_err().to_string();
    assert!(again.contains("exists already"), "{again}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&saved), 0o700);
        assert_eq!(mode(&saved.join(JOURNAL)), 0o600);
        assert_eq!(mode(&saved.join("capture-00001.pcapng")), 0o600);
        // A link in the way is not followed.
        let trap = folder.path().join("trap");
        fs::create_dir(&trap).unwrap();
        let target = folder.path().join("precious");
        symlink(&target, trap.join(JOURNAL)).unwrap();
        assert!(Store::create(&trap, StoreOptions::new(header(None))).is_err());
        assert!(!target.exists());
    }
}

#[test]
fn what_was_flushed_is_readable_wherever_the_rest_is_torn_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k");
    let call = synth::call(1);
    let mut store = Store::create(&path, StoreOptions::new(header(None))).unwrap();
    store.interface(0, Described::new(call.link));
    for (number, (time, bytes)) in (1..).zip(call.frames()).take(400) {
        let frame = Frame { number: FrameNo(number), time, link: call.link, original_len: bytes.len() as u32, bytes };
        assert!(store.frame(&Pick { frame, interface: 0, direction: Direction::Unknown }));
        if number == 300 {
            store.told(FrameNo(300), &Told::Local("192.0.2.7".parse().unwrap()));
            store.flush(time);
        }
    }
    // As if the program were killed now: what it had not handed on is not there.
    let now = fs::read(path.join("capture-00001.pcapng")).unwrap();
    let torn: PathBuf = folder.path().join("torn.pcapng");
    for cut in [now.len(), now.len() - 7] {
        fs::write(&torn, &now[..cut]).unwrap();
        let back = read(&torn);
        assert!(back.frames.len() as u64 + 1 >= 300, "{}", back.frames.len());
    }
    let (_, entries) = read_journal(&path).unwrap();
    assert_eq!(entries.len(), 1);
    // A journal whose last line is torn says the rest.
    let journal = fs::read(path.join(JOURNAL)).unwrap();
    fs::write(path.join(JOURNAL), &journal[..journal.len() - 5]).unwrap();
    assert_eq!(read_journal(&path).unwrap().1.len(), 0);
    drop(store);
}
