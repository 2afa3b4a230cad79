//! `watch` as it is run: on loopback, from a pipe, ended by signals, killed, and left by its terminal. What needs the right to
//! capture is skipped, loudly, where that right is missing.

#![allow(
    unreachable_pub,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "skips are said loudly; a program that hangs is noticed"
)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod program;

use program::{Folder, command, zollhund};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zollhund::capture::{CaptureFile, Captured, Digest, Ending};
use zollhund::evidence::{Told, read_journal};
use zollhund::synth;
use zollhund::wire::{End, Timestamp};

/// Long enough for a busy machine, short enough to notice a program that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether this process may capture; says so if not.
fn may_capture() -> bool {
    let asked = zollhund(&["watch", "-i", "lo", "--headless", "--duration", "1s", "--filter", "udp port 1"]);
    if asked.status == 2 {
        eprintln!("SKIPPED: no live capture here: {}", asked.err.trim());
    }
    asked.status != 2
}

/// A running `watch` whose standard output is read line by line.
struct Watching {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Watching {
    fn start(args: &[&str]) -> Self {
        Self::spawn(&mut command(args))
    }

    fn spawn(command: &mut Command) -> Self {
        let streams = [Stdio::piped(), Stdio::piped(), Stdio::piped()];
        let [input, output, error] = streams;
        let mut child = command.stdin(input).stdout(output).stderr(error).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Reads events until one fits; `None` if the program ended before.
    fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(event) = serde_json::from_str::<Value>(&line).ok().filter(&fits) {
                return Some(event);
            }
        }
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// The rest of what it prints, its complaints, and its status.
    fn end(mut self) -> (String, String, Option<i32>) {
        let (mut out, mut err) = (String::new(), String::new());
        let _ = self.lines.read_to_string(&mut out);
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (out, err, self.child.wait().unwrap().code())
    }
}

/// Two sockets on loopback, with a filter that lets only their datagrams through.
struct Pair(UdpSocket, UdpSocket, String);

impl Pair {
    fn new() -> Self {
        let (one, two) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        one.connect(two.local_addr().unwrap()).unwrap();
        two.connect(one.local_addr().unwrap()).unwrap();
        let filter = format!("udp port {}", one.local_addr().unwrap().port());
        Self(one, two, filter)
    }

    fn talk(&self, datagrams: u32) {
        for number in 0..datagrams {
            self.0.send(&number.to_be_bytes()).unwrap();
            self.1.send(&[7; 900]).unwrap();
        }
    }
}

/// The first capture file of a bundle.
fn capture(bundle: &str) -> PathBuf {
    Path::new(bundle).join("data/capture/capture-00001.pcapng")
}

fn frames(path: &Path) -> (u64, Ending) {
    let mut file = CaptureFile::open(path, Digest::Skip).unwrap();
    let mut frames = 0;
    while let Some(record) = file.next().unwrap() {
        frames += u64::from(matches!(record, Captured::Frame { .. }));
    }
    (frames, file.ending().unwrap().clone())
}

fn number(event: &Value, key: &str) -> u64 {
    event[key].as_u64().unwrap()
}

#[test]
fn a_replay_tells_events_as_lines_and_ends_with_the_report() {
    let folder = Folder::new();
    let call = synth::call(1);
    let file = folder.path("call.pcap");
    fs::write(&file, synth::pcap(call.link, call.frames())).unwrap();
    let args = ["watch", "--replay", &file, "--speed", "max", "--headless", "--service", "zoom", "--format", "json"];
    let ran = zollhund(&args);
    assert_eq!(ran.status, 0, "{}", ran.err);
    // The report is the last line.
    let (events, report) = ran.out.trim_end().rsplit_once('\n').unwrap();
    let kind = |line: &str| serde_json::from_str::<Value>(line).unwrap()["event"].as_str().unwrap().to_owned();
    let kinds: Vec<_> = events.lines().map(kind).collect();
    for wanted in ["dns", "fact", "recipient", "finding", "progress"] {
        assert!(kinds.iter().any(|k| k == wanted), "{wanted} is missing");
    }
    assert_eq!(kinds.iter().filter(|k| *k == "dns").count(), 24);
    let report: Value = serde_json::from_str(report).unwrap();
    assert!(report["findings"].as_array().unwrap().len() > 20);
    // What was last said of each recipient is what the report says of it.
    let mut told = BTreeMap::new();
    for mut event in events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if event["event"] == "recipient" {
            let members = event.as_object_mut().unwrap();
            assert_eq!(
                (members.remove("event").unwrap(), members.remove("time")),
                ("recipient".into(), members.get("first").cloned())
            );
            told.insert(event["frames"][0].as_u64().unwrap(), event);
        }
    }
    let recipients = report["recipients"].as_array().unwrap();
    assert!(recipients.len() > 10);
    for recipient in recipients {
        let event = &told[&recipient["frames"][0].as_u64().unwrap()];
        for said in ["names", "operator", "holder", "located_in", "indeterminate", "disclosed", "role"] {
            assert_eq!(event[said], recipient[said], "{said}");
        }
    }
}

#[test]
fn what_cannot_be_watched_is_said_in_one_line() {
    let wrong = |args: &[&str]| {
        let ran = zollhund(args);
        assert_eq!((ran.status, ran.err.lines().count()), (2, 1), "{args:?}: {}", ran.err);
        ran.err
    };
    assert!(wrong(&["watch", "--replay", "/nowhere.pcap", "--headless"]).contains("no such file"));
    assert!(wrong(&["watch", "--replay", "x", "-i", "lo"]).contains("cannot be used with"));
    assert!(wrong(&["watch", "--full-payload", "--headless"]).contains("--save"));
    assert!(wrong(&["watch", "--duration", "5 weeks"]).contains("60s, 15m, 2h"));
    if may_capture() {
        let missing = wrong(&["watch", "-i", "nothing0", "--headless"]);
        assert!(missing.contains("there is no interface nothing0") && missing.contains("lo"), "{missing}");
        let filter = wrong(&["watch", "-i", "lo", "--headless", "--filter", "udp porto 1"]);
        assert!(filter.contains("udp porto 1") && filter.contains("pcap-filter"), "{filter}");
        let folder = Folder::new();
        fs::write(folder.path("journal.jsonl"), "x").unwrap();
        let there = wrong(&["watch", "-i", "lo", "--headless", "--save", &folder.path("")]);
        assert!(there.contains("exists already"), "{there}");
    }
}

#[test]
fn on_loopback_every_frame_is_saved_whose_it_is_is_known_and_a_signal_ends_it_whole() {
    if !may_capture() {
        return;
    }
    let (folder, pair) = (Folder::new(), Pair::new());
    let (save, tables) = (folder.path("save"), folder.path("save/data"));
    let args = ["watch", "-i", "lo", "--headless", "--format", "json", "--filter", &pair.2, "--save", &save];
    let mut watching = Watching::start(&args);
    // The first line is written when the kernel already collects.
    watching.until(|event| event["event"] == "progress").unwrap();
    pair.talk(500);
    let seen = watching.until(|event| event["event"] == "progress" && number(event, "delivered") >= 1_000).unwrap();
    assert_eq!(number(&seen, "delivered"), 1_000);
    let asked = Instant::now();
    watching.signal("-TERM");
    let (out, err, status) = watching.end();
    assert!(asked.elapsed() < PATIENCE, "it ends by itself");
    assert_eq!(status, Some(0), "{err}");
    let report: Value = serde_json::from_str(out.trim_end().lines().last().unwrap()).unwrap();
    assert_eq!(report["captures"][0]["format"], "pcapng");

    assert_eq!(frames(&capture(&save)), (1_000, Ending::Complete));
    let (header, entries) = read_journal(&Path::new(&save).join("data/capture")).unwrap();
    assert_eq!((header.source.as_str(), header.payload_kept), ("lo", Some(16_384)));
    let own = std::process::id();
    let known = entries.iter().any(|e| matches!(&e.told, Told::Owner { owner, .. } if owner.pid == own));
    assert!(known, "the socket is this test's: {entries:?}");
    assert!(entries.iter().any(|e| matches!(e.told, Told::Tick(_))), "the end is in the journal");
    let flows = fs::read_to_string(Path::new(&tables).join("flows.csv")).unwrap();
    assert_eq!(flows.lines().count(), 2, "{flows}");
    let comm = fs::read_to_string("/proc/self/comm").unwrap();
    assert!(flows.contains(comm.trim()), "{comm} {flows}");
}

#[test]
fn killed_it_leaves_what_it_had_a_second_before() {
    if !may_capture() {
        return;
    }
    let (folder, pair) = (Folder::new(), Pair::new());
    let save = folder.path("save");
    let args = ["watch", "-i", "lo", "--headless", "--format", "json", "--filter", &pair.2, "--save", &save];
    let mut watching = Watching::start(&args);
    watching.until(|event| event["event"] == "progress").unwrap();
    pair.talk(50);
    let all = |event: &Value| event["event"] == "progress" && number(event, "saved") >= 100;
    watching.until(all).unwrap();
    // Progress is told every second, and so often everything is handed on.
    for _ in 0..3 {
        watching.until(all).unwrap();
    }
    watching.signal("-KILL");
    watching.end();
    let (kept, _) = frames(&capture(&save));
    assert_eq!(kept, 100);
    assert!(!read_journal(&Path::new(&save).join("data/capture")).unwrap().1.is_empty());
    let again = zollhund(&["analyze", &save]);
    assert_eq!(again.status, 0, "{}", again.err);
}

#[test]
fn it_ends_when_its_terminal_goes_away() {
    if !may_capture() {
        return;
    }
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("SKIPPED: script (util-linux) is not installed, so no terminal was taken away");
        return;
    }
    let (folder, pair) = (Folder::new(), Pair::new());
    let (save, pid) = (folder.path("save"), folder.path("pid"));
    let watch = format!(
        "echo $$ > {pid}.new; mv {pid}.new {pid}; exec {} watch -i lo --headless --filter '{}' --save {save}",
        env!("CARGO_BIN_EXE_zollhund"),
        pair.2
    );
    let mut script = Command::new("script");
    let mut terminal = script.args(["-qfc", &watch, "/dev/null"]).stdin(Stdio::piped());
    terminal = terminal.stdout(Stdio::piped());
    let mut terminal = terminal.spawn().unwrap();
    // The progress line shows that it runs.
    let mut out = terminal.stdout.take().unwrap();
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains("waiting for frames") {
        let mut some = [0; 256];
        let count = out.read(&mut some).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&some[..count]);
    }
    let pid: u32 = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    let begun = Instant::now();
    let stat = format!("/proc/{pid}/stat");
    let gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    while !gone() {
        assert!(begun.elapsed() < PATIENCE, "it goes on without a terminal");
        std::thread::yield_now();
    }
    assert_eq!(frames(&capture(&save)).1, Ending::Complete);
    let (_, entries) = read_journal(&Path::new(&save).join("data/capture")).unwrap();
    assert!(entries.iter().any(|e| matches!(e.told, Told::Tick(_))), "it was closed, not cut off");
}

#[test]
fn a_stream_from_elsewhere_is_watched_until_it_ends_or_a_signal_comes() {
    let call = synth::call(1);
    let bytes = synth::pcap(call.link, call.frames());
    let folder = Folder::new();
    let save = folder.path("save");
    // To its end.
    let args = ["watch", "-i", "-", "--headless", "--service", "zoom", "--subject", "192.168.178.23"];
    let ran = program::run(&args, &bytes, &[]);
    assert!(ran.status == 0 || ran.err.contains("--subject"), "{} {}", ran.status, ran.err);
    assert!(ran.out.contains("standard input"), "{}", ran.out);

    // Cut by a signal, in the middle of a frame, while the other side holds the pipe open.
    let args = ["watch", "-i", "-", "--headless", "--format", "json", "--save", &save];
    let mut watching = Watching::start(&args);
    let mut pipe = watching.child.stdin.take().unwrap();
    let part = bytes.len() / 2;
    pipe.write_all(&bytes[..part]).unwrap();
    pipe.flush().unwrap();
    watching.until(|event| event["event"] == "progress" && number(event, "delivered") > 5_000).unwrap();
    watching.signal("-INT");
    let (_, err, status) = watching.end();
    assert_eq!(status, Some(0), "a stream that we end is not cut: {err}");
    assert!(frames(&capture(&save)).0 > 5_000);
    drop(pipe);
}

#[test]
fn the_apps_that_a_phone_names_in_its_trailers_are_the_owners_live_and_from_the_file() {
    let folder = Folder::new();
    let [phone, router] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
    let end = |address: &str, port| End { address: address.parse().unwrap(), port };
    let apps = [("Zoom", 10_123_u32), ("", 10_200), ("Weather", 10_300)];
    let frames: Vec<_> = (0_u8..)
        .zip(apps)
        .map(|(n, (app, uid))| {
            let to = end(&format!("203.0.113.{}", n + 1), 443);
            let packet = synth::frames::udp(end("192.0.2.9", 40_000), to, &[n; 200]);
            let mut frame = synth::frames::ethernet(phone, router, &packet);
            // Magic number, user id, name and checksum, behind the packet.
            frame.extend([0x01, 0x07, 0x20, 0x21]);
            frame.extend(uid.to_be_bytes());
            let mut name = [0; 20];
            name[..app.len()].copy_from_slice(app.as_bytes());
            frame.extend(name);
            frame.extend([0; 4]);
            (Timestamp::from_secs(1_795_737_600 + u64::from(n)), frame)
        })
        .collect();
    let bytes = program::pcap(synth::frames::ETHERNET, &frames);
    let (file, one, two) = (folder.file("phone.pcap", &bytes), folder.path("one"), folder.path("two"));
    let live = program::run(&["watch", "-i", "-", "--headless", "--output", &one], &bytes, &[]);
    let later = zollhund(&["analyze", &file, "--output", &two]);
    for (ran, tables) in [(live, one), (later, two)] {
        assert_eq!(ran.status, 0, "{}", ran.err);
        let flows = fs::read_to_string(Path::new(&tables).join("flows.jsonl")).unwrap();
        let rows = flows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut owners: Vec<_> = rows
            .map(|row| (row["server"].as_str().unwrap().to_owned(), row["process"].as_str().unwrap().to_owned()))
            .collect();
        owners.sort();
        let named = ["Zoom", "android uid 10200", "Weather"].map(str::to_owned);
        let expected: Vec<_> = (1..).map(|n| format!("203.0.113.{n}")).zip(named).collect();
        assert_eq!(owners, expected);
    }
}

/// Network namespaces of the test's own, gone with it: the machine that is watched and another one, joined by cables.
#[cfg(all(feature = "live", target_os = "linux"))]
mod links {
    use super::{CaptureFile, Captured, Digest, Ending, Folder, Value, Watching, capture, frames, number, zollhund};
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    use std::collections::BTreeMap;
    use std::fs;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use zollhund::capture::Note;
    use zollhund::engine::view::Incident;
    use zollhund::evidence::{Entry, Told, read_journal};

    struct Net([String; 2]);

    impl Drop for Net {
        fn drop(&mut self) {
            for space in &self.0 {
                let _ = Command::new("ip").args(["netns", "del", space]).status();
            }
        }
    }

    fn sh(line: &str) {
        let done = Command::new("sh").args(["-ec", line]).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }

    impl Net {
        /// `None`, and a loud line, where there is no right to make them.
        fn new(name: &str) -> Option<Self> {
            let spaces = ["m", "o"].map(|end| format!("zh-{name}-{end}{}", std::process::id()));
            if !Command::new("ip").args(["netns", "add", &spaces[0]]).output().is_ok_and(|o| o.status.success()) {
                assert!(std::env::var_os("ZOLLHUND_LAB").is_none(), "no network namespaces can be made");
                eprintln!("SKIPPED: no network namespaces can be made here (root and iproute2 are needed)");
                return None;
            }
            sh(&format!("ip netns add {}; ip -n {} link set lo up", spaces[1], spaces[0]));
            Some(Self(spaces))
        }

        /// A cable, with an address at each end: `192.0.2.1` and `.2` for the first, `198.51.100.*` for the second.
        fn cable(&self, name: &str, network: &str) {
            let [m, o] = &self.0;
            sh(&format!(
                "ip link add name {name} netns {m} type veth peer name {name} netns {o}
                 ip -n {m} addr add {network}.1/24 dev {name}; ip -n {o} addr add {network}.2/24 dev {name}
                 ip -n {o} link set dev {name} up"
            ));
            self.up(name, network);
        }

        fn up(&self, name: &str, network: &str) {
            self.reach(name, name, network);
        }

        /// Sets an interface up and tells it the other end of a cable.
        fn reach(&self, name: &str, cable: &str, network: &str) {
            let [m, o] = &self.0;
            // Nobody has to ask for the other's hardware address, and no packet waits for it.
            sh(&format!(
                "ip -n {m} link set dev {name} up
                 ip -n {m} neigh replace {network}.2 dev {name} nud permanent \
                    lladdr $(ip netns exec {o} cat /sys/class/net/{cable}/address)"
            ));
        }

        fn ip(&self, words: &str) {
            sh(&format!("ip -n {} {words}", self.0[0]));
        }

        /// Sends so many different datagrams from the machine that is watched.
        fn send(&self, network: &str, count: u32) {
            let space = fs::File::open(Path::new("/run/netns").join(&self.0[0])).unwrap();
            let (from, to) = (format!("{network}.1:5000"), format!("{network}.2:6000"));
            // A thread of its own: it does not come back from there.
            std::thread::spawn(move || {
                move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                let socket = UdpSocket::bind(from).unwrap();
                for n in 0..count {
                    socket.send_to(&n.to_be_bytes(), &to).unwrap();
                }
            })
            .join()
            .unwrap();
        }

        fn watch(&self, args: &[&str]) -> Watching {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &self.0[0], env!("CARGO_BIN_EXE_zollhund"), "watch", "--headless"]);
            command.args(["--format", "json", "--filter", "udp dst port 6000"]).args(args);
            Watching::spawn(&mut command)
        }
    }

    fn notice(watching: &mut Watching, text: &str) -> Value {
        let fits = |event: &Value| event["event"] == "notice" && event["text"].as_str().unwrap().contains(text);
        watching.until(fits).unwrap_or_else(|| panic!("nothing is told of: {text}"))
    }

    fn delivered(watching: &mut Watching, count: u64) {
        let seen = watching.until(|event| event["event"] == "progress" && number(event, "delivered") >= count);
        assert_eq!(number(&seen.unwrap(), "delivered"), count);
    }

    /// The last line of what a program prints.
    fn report(out: &str) -> Value {
        serde_json::from_str(out.trim_end().rsplit('\n').next().unwrap()).unwrap()
    }

    fn finding<'a>(report: &'a Value, code: &str) -> &'a str {
        let all = report["findings"].as_array().unwrap();
        all.iter().find(|f| f["code"] == code).map_or("", |f| f["text"].as_str().unwrap())
    }

    #[test]
    fn an_interface_goes_down_and_away_and_comes_back_and_the_capture_goes_on() {
        let Some(net) = Net::new("back") else { return };
        net.cable("a", "192.0.2");
        let folder = Folder::new();
        let save = folder.path("save");
        let mut watching = net.watch(&["-i", "a", "--save", &save]);
        watching.until(|event| event["event"] == "progress").unwrap();
        net.send("192.0.2", 50);
        delivered(&mut watching, 50);

        net.ip("link set dev a down");
        assert_eq!(notice(&mut watching, "interface a is down")["grave"], false);
        net.up("a", "192.0.2");
        notice(&mut watching, "interface a is up");
        net.send("192.0.2", 50);
        delivered(&mut watching, 100);

        for round in 1..=2 {
            net.ip("link del dev a");
            assert_eq!(notice(&mut watching, "nothing is captured on a")["grave"], true);
            let dead = watching.until(|event| event["event"] == "progress" && event["capture"] == "dead");
            assert!(dead.is_some(), "a dead capture looks dead");
            net.cable("a", "192.0.2");
            notice(&mut watching, "the capture on a goes on");
            net.send("192.0.2", 50);
            delivered(&mut watching, 100 + round * 50);
        }
        watching.signal("-TERM");
        let (out, err, status) = watching.end();
        assert_eq!(status, Some(3), "the capture is not whole: {err}");
        assert!(err.contains("nothing is captured on a"), "{err}");
        let told = report(&out);
        assert!(finding(&told, "CAP-18").contains("an interface was gone (times: 2)"), "{told:#}");
        assert_eq!(frames(&capture(&save)), (200, Ending::Complete));
        let (_, entries) = read_journal(&Path::new(&save).join("data/capture")).unwrap();
        let gone = entries.iter().filter(|e| matches!(e.told, Told::Incident(_, Incident::InterfaceGone)));
        // Between the frames that came before and those that came after.
        assert_eq!(gone.map(|e| e.after.0).collect::<Vec<_>>(), [100, 150]);
        let later = zollhund(&["analyze", &save, "--format", "json"]);
        assert_eq!(later.status, 3, "{}", later.err);
        assert_eq!(finding(&report(&later.out), "CAP-18"), finding(&told, "CAP-18"));
    }

    #[test]
    fn a_way_to_the_internet_that_is_not_captured_is_told() {
        let Some(net) = Net::new("way") else { return };
        net.cable("a", "192.0.2");
        net.ip("route add default via 192.0.2.2 dev a");
        let folder = Folder::new();
        let save = folder.path("save");
        // Without `-i`: what leads to the internet at the start.
        let mut watching = net.watch(&["--save", &save]);
        watching.until(|event| event["event"] == "progress").unwrap();
        net.send("192.0.2", 50);
        delivered(&mut watching, 50);
        net.cable("b", "198.51.100");
        net.ip("route replace default via 198.51.100.2 dev b");
        assert_eq!(notice(&mut watching, "leads through b now, which is not captured")["grave"], true);
        watching.signal("-TERM");
        let (out, err, status) = watching.end();
        assert_eq!(status, Some(3), "{err}");
        let told = finding(&report(&out), "CAP-18").to_owned();
        assert!(told.contains("interfaces that were not captured (1)"), "{told}");
        let later = zollhund(&["analyze", &save, "--format", "json"]);
        assert_eq!((later.status, finding(&report(&later.out), "CAP-18")), (3, told.as_str()));
    }

    /// What the evidence says of each interface: frames in it, delivered, dropped by the system.
    fn counters(save: &str) -> BTreeMap<u32, [u64; 3]> {
        let mut file = CaptureFile::open(&capture(save), Digest::Skip).unwrap();
        let mut all = BTreeMap::<u32, [u64; 3]>::new();
        while let Some(record) = file.next().unwrap() {
            match record {
                Captured::Frame { interface, .. } => all.entry(interface).or_default()[0] += 1,
                Captured::Note(Note::Statistics { interface, delivered, dropped_by_system, .. }) => {
                    let [_, handed, dropped] = all.entry(interface).or_default();
                    (*handed, *dropped) = (delivered.unwrap_or(0), dropped_by_system.unwrap_or(0));
                }
                Captured::Note(_) => {}
            }
        }
        all
    }

    fn packets(report: &Value) -> u64 {
        ["up", "down"].iter().map(|way| report["totals"][way]["packets"].as_u64().unwrap()).sum()
    }

    #[test]
    fn of_two_interfaces_and_of_any_every_packet_is_counted_once() {
        let Some(net) = Net::new("two") else { return };
        net.cable("a", "192.0.2");
        net.cable("c", "198.51.100");
        // A bridge and its port: what is sent through one is seen on the other.
        net.ip("link add name br type bridge");
        net.ip("link set dev c master br");
        net.ip("addr del 198.51.100.1/24 dev c");
        net.ip("addr add 198.51.100.1/24 dev br");
        net.reach("br", "c", "198.51.100");
        for (interfaces, by) in [
            (&["-i", "a", "-i", "br"][..], &[(0, 70), (1, 30)][..]),
            (&["-i", "br", "-i", "c"], &[(0, 30), (1, 30)]),
            (&["-i", "any"], &[(0, 70 + 30 + 30)]),
        ] {
            let folder = Folder::new();
            let save = folder.path("save");
            let mut watching = net.watch(&[interfaces, &["--save", &save]].concat());
            watching.until(|event| event["event"] == "progress").unwrap();
            net.send("192.0.2", 70);
            net.send("198.51.100", 30);
            delivered(&mut watching, by.iter().map(|(_, frames)| frames).sum());
            watching.signal("-TERM");
            let (out, err, status) = watching.end();
            assert_eq!(status, Some(0), "{interfaces:?}: {err}");
            let told = report(&out);
            // The evidence has every frame, with the interface it came through; the counts have every packet once.
            let seen: Vec<_> = counters(&save).into_iter().collect();
            let expected: Vec<_> = by.iter().map(|(id, frames)| (*id, [*frames, *frames, 0])).collect();
            assert_eq!(seen, expected, "{interfaces:?}");
            let sent = if interfaces.contains(&"c") { 30 } else { 100 };
            assert_eq!(packets(&told), sent, "{interfaces:?}: {told:#}");
            let losses = told["losses"].as_array().unwrap();
            let echoes: u64 = losses
                .iter()
                .filter(|loss| loss["kind"] == "seen on another interface too")
                .map(|loss| loss["frames"].as_u64().unwrap())
                .sum();
            assert_eq!(echoes, if interfaces.contains(&"br") && sent == 100 { 0 } else { 30 }, "{interfaces:?}");
        }
    }

    #[test]
    fn what_one_interface_loses_is_told_of_that_one() {
        let Some(net) = Net::new("loss") else { return };
        net.cable("a", "192.0.2");
        net.cable("b", "198.51.100");
        let folder = Folder::new();
        let save = folder.path("save");
        let mut watching = net.watch(&["-i", "a", "-i", "b", "--ring", "1", "--save", &save]);
        watching.until(|event| event["event"] == "progress").unwrap();
        // As a machine that is too busy: nobody takes the frames, until the ring is full.
        watching.signal("-STOP");
        net.send("192.0.2", 30_000);
        net.send("198.51.100", 30);
        watching.signal("-CONT");
        let whole = |event: &Value| {
            event["event"] == "progress" && number(event, "delivered") + number(event, "kernel_dropped") >= 30_030
        };
        let seen = watching.until(whole).unwrap();
        watching.signal("-TERM");
        let (out, _, status) = watching.end();
        assert_eq!(status, Some(3));
        let dropped = number(&seen, "kernel_dropped");
        let delivered = number(&seen, "delivered");
        assert_eq!(dropped + delivered, 30_030);
        assert!(dropped > 10_000, "{seen}");
        assert_eq!(
            counters(&save).into_iter().collect::<Vec<_>>(),
            [(0, [delivered - 30, delivered - 30, dropped]), (1, [30, 30, 0])]
        );
        let told = report(&out);
        assert_eq!(told["circumstances"]["lost"], dropped);
        let later = report(&zollhund(&["analyze", &save, "--format", "json"]).out);
        assert_eq!(later["circumstances"]["lost"], dropped);
        assert_eq!(packets(&later), delivered);
    }

    /// Nobody has this number.
    const USER: &str = "64123";
    const AS_USER: [&str; 6] = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"];
    const ROLE: &str = "ZOLLHUND_TEST_ROLE";

    /// Not a test of its own: a program of the user's that sends something now and then.
    #[test]
    fn somebody_talks() {
        if std::env::var_os(ROLE).is_none() {
            return;
        }
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        loop {
            let _ = socket.send_to(b"hello", "192.0.2.2:6000");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    struct Talker(std::process::Child);

    impl Drop for Talker {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    impl Net {
        fn command(&self, words: &[&str]) -> Command {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &self.0[0]]).args(words);
            command
        }

        fn talker(&self, folder: &Folder) -> Talker {
            let program = folder.path("talker");
            fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
            let mut command = self.command(&AS_USER);
            command.args([&program, "--exact", "links::somebody_talks", "--nocapture"]).env(ROLE, "talker");
            Talker(command.stdout(Stdio::null()).spawn().unwrap())
        }
    }

    /// A folder that anybody may write to.
    fn open_folder() -> Folder {
        let folder = Folder::new();
        fs::set_permissions(folder.path(""), fs::Permissions::from_mode(0o777)).unwrap();
        folder
    }

    /// Name, real to file-system user, effective capabilities, no_new_privs and seccomp mode of every thread.
    fn threads(pid: u32) -> Vec<(String, String, u64, bool)> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let status = |path: std::io::Result<fs::DirEntry>| fs::read_to_string(path.unwrap().path().join("status"));
        tasks
            .map(|task| {
                let text = status(task).unwrap();
                let line = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned();
                let barred = line("NoNewPrivs:") == "1" && line("Seccomp:") == "2";
                let sets = ["CapEff:", "CapPrm:", "CapInh:"].map(|set| u64::from_str_radix(&line(set), 16).unwrap());
                let capabilities = sets.iter().fold(0, |all, set| all | set);
                (line("Name:"), line("Uid:"), capabilities, barred)
            })
            .collect()
    }

    fn owned_by_the_user(folder: &str) {
        let mut left = vec![Path::new(folder).to_owned()];
        while let Some(path) = left.pop() {
            let facts = fs::metadata(&path).unwrap();
            let owner = [facts.uid(), facts.gid()].map(|id| id.to_string());
            assert_eq!(owner, [USER, USER], "{}", path.display());
            if facts.is_dir() {
                left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
    }

    #[test]
    fn under_sudo_the_program_becomes_the_user_who_called_and_the_files_are_theirs() {
        let Some(net) = Net::new("sudo") else { return };
        net.cable("a", "192.0.2");
        let folder = open_folder();
        let save = folder.path("save");
        let _talker = net.talker(&folder);
        // What sudo(8) tells.
        let program = ["env", "SUDO_UID=64123", "SUDO_GID=64123", env!("CARGO_BIN_EXE_zollhund"), "watch"];
        let mut command = net.command(&program);
        command.args(["--headless", "--format", "json", "-i", "a", "--save", &save]);
        let mut watching = Watching::spawn(&mut command);
        delivered_some(&mut watching);
        let threads = threads(watching.child.id());
        // CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE: to look at others' processes.
        let looking = 1 << 2 | 1 << 19;
        assert!(threads.len() > 3, "{threads:?}");
        for (name, uids, capabilities, barred) in &threads {
            assert!(uids.split_whitespace().all(|uid| uid == USER), "{threads:?}");
            assert_eq!(capabilities & !looking, 0, "{threads:?}");
            assert!(*capabilities == 0 || name == "zh-host", "{threads:?}");
            assert!(barred, "{threads:?}");
        }
        watching.signal("-TERM");
        let (_, err, status) = watching.end();
        assert_eq!(status, Some(0), "{err}");
        owned_by_the_user(&save);
        talker_is_known(&save);
    }

    #[test]
    fn with_the_line_that_doctor_prints_an_ordinary_user_watches() {
        let Some(net) = Net::new("cap") else { return };
        if !["/usr/sbin/setcap", "/sbin/setcap", "/usr/bin/setcap"].iter().any(|path| Path::new(path).exists()) {
            assert!(std::env::var_os("ZOLLHUND_LAB").is_none(), "setcap is missing");
            return eprintln!("SKIPPED: setcap (libcap2-bin) is not installed");
        }
        net.cable("a", "192.0.2");
        let folder = open_folder();
        let (program, save) = (folder.path("zollhund"), folder.path("save"));
        fs::copy(env!("CARGO_BIN_EXE_zollhund"), &program).unwrap();
        let by_user = |args: &[&str]| {
            let mut command = net.command(&AS_USER);
            command.arg(&program).args(args);
            command
        };
        let check = || {
            let said = by_user(&["doctor", "--format", "json"]).output().unwrap();
            let said: Value = serde_json::from_slice(&said.stdout).unwrap();
            said["checks"].as_array().unwrap().iter().find(|c| c["id"] == "capture").unwrap().clone()
        };
        let watch = ["watch", "--headless", "--format", "json", "-i", "a", "--save", &save];
        let refused = by_user(&watch).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!((refused.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains("no right to capture on a") && said.contains("setcap"), "{said}");

        let before = check();
        assert_eq!(before["state"], "missing");
        let line = before["cure"].as_str().unwrap().strip_prefix("sudo ").unwrap().to_owned();
        assert_eq!(line, format!("setcap cap_net_raw+ep {program}"));
        sh(&format!("PATH=$PATH:/usr/sbin:/sbin; {line}"));
        assert_eq!(check()["state"], "ok");

        let _talker = net.talker(&folder);
        let mut watching = Watching::spawn(&mut by_user(&watch));
        delivered_some(&mut watching);
        for (name, uids, capabilities, barred) in threads(watching.child.id()) {
            assert!(uids.split_whitespace().all(|uid| uid == USER) && capabilities == 0 && barred, "{name}");
        }
        // Without any right, and the interface comes back all the same.
        net.ip("link del dev a");
        notice(&mut watching, "nothing is captured on a");
        net.cable("a", "192.0.2");
        notice(&mut watching, "the capture on a goes on");
        watching.signal("-TERM");
        let (_, err, status) = watching.end();
        assert_eq!(status, Some(3), "{err}");
        owned_by_the_user(&save);
        talker_is_known(&save);
    }

    /// A small disk, gone with the test.
    struct Disk(String);

    impl Drop for Disk {
        fn drop(&mut self) {
            let _ = Command::new("umount").args(["-l", &self.0]).status();
        }
    }

    #[test]
    fn when_the_disk_is_full_it_is_told_the_watching_goes_on_and_what_was_saved_can_be_verified() {
        let Some(net) = Net::new("disk") else { return };
        net.cable("a", "192.0.2");
        let folder = Folder::new();
        let disk = folder.path("disk");
        fs::create_dir(&disk).unwrap();
        sh(&format!("mount -t tmpfs -o size=1m none {disk}"));
        let _disk = Disk(disk.clone());
        let save = format!("{disk}/save");
        let mut watching = net.watch(&["-i", "a", "--save", &save]);
        watching.until(|event| event["event"] == "progress").unwrap();
        net.send("192.0.2", 100);
        delivered(&mut watching, 100);
        // Some hundred bytes each, with header and packet number.
        net.send("192.0.2", 20_000);
        let told = notice(&mut watching, "No space left on device");
        assert_eq!(told["grave"], true);
        // It still sees and counts.
        net.send("192.0.2", 50);
        let after = watching.until(|event| event["event"] == "progress" && number(event, "delivered") == 20_150);
        let after = after.unwrap();
        let (saved, not_saved) = (number(&after, "saved"), number(&after, "not_saved"));
        assert!(saved >= 100 && not_saved >= 50 && saved + not_saved == 20_150, "{after}");
        watching.signal("-TERM");
        let (_, err, status) = watching.end();
        assert!(matches!(status, Some(2 | 3)), "{status:?} {err}");
        assert!(err.contains("No space left on device"), "{err}");
        let verified = zollhund(&["verify", &save]);
        assert_eq!(verified.status, 3, "{}{}", verified.out, verified.err);
        assert!(!verified.out.contains("FAILS") && verified.out.contains("frames can be read"), "{}", verified.out);
    }

    #[test]
    fn under_sudo_imported_lists_are_those_of_the_user_who_called() {
        let folder = open_folder();
        let feed = folder.file("office.csv", "203.0.113.0/24,DE,DE-BE,Berlin,\n");
        let home = folder.path("home");
        fs::create_dir(&home).unwrap();
        let accounts =
            folder.file("passwd", format!("root:x:0:0::/root:/bin/sh\ncaller:x:{USER}:{USER}::{home}:/bin/sh\n"));
        let script = format!(
            "mount --bind {accounts} /etc/passwd; chown {USER}:{USER} {home}
             exec env -u XDG_DATA_HOME SUDO_UID={USER} SUDO_GID={USER} \"$@\""
        );
        let run = |words: &[&str]| {
            let mut command = Command::new("unshare");
            command.args(["-m", "sh", "-ec", &script, "sh", env!("CARGO_BIN_EXE_zollhund")]).args(words);
            command.output().unwrap()
        };
        let done = run(&["geo", "import", "geofeed", &feed]);
        if !done.status.success() && String::from_utf8_lossy(&done.stderr).contains("unshare") {
            return eprintln!("SKIPPED: no namespace with accounts of its own: {done:?}");
        }
        assert!(done.status.success(), "{done:?}");
        owned_by_the_user(&home);
        let kept = Path::new(&home).join(".local/share/zollhund/geo");
        assert_eq!(fs::read_dir(kept).unwrap().count(), 1);
        let asked = run(&["geo"]);
        let said = String::from_utf8_lossy(&asked.stdout);
        assert!(said.contains("office.csv"), "{said}");
    }

    fn delivered_some(watching: &mut Watching) {
        watching.until(|event| event["event"] == "progress" && number(event, "delivered") > 10).unwrap();
    }

    fn talker_is_known(save: &str) {
        let (_, entries) = read_journal(&Path::new(save).join("data/capture")).unwrap();
        let known = |entry: &Entry| matches!(&entry.told, Told::Owner { owner, .. } if owner.name.exact() == "talker");
        assert!(entries.iter().any(known), "{entries:?}");
    }
}
