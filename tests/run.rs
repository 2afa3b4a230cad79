//! `zollhund run` as an ordinary user: a client in a network of its own, between a machine and a server that the test makes of
//! network namespaces. Needs root (for the namespaces and to become that user), `ip`, `setpriv`, `curl`, `pasta`, `slirp4netns` and `nft`; without
//! them it says so loudly and is skipped, except where `ZOLLHUND_LAB=required` is set.

#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write, stderr, stdout};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const MACHINE: &str = "192.0.2.10";
const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const NAME: &str = "call.example";
/// The port of the client's server, and of somebody else's.
const PORTS: [u16; 2] = [8_080, 8_081];
const AS_USER: [&str; 6] = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"];
/// What the server sends.
const BODY: usize = 300_000;
/// Nobody has this number.
const USER: &str = "64123";
const ROLE: &str = "ZOLLHUND_TEST_ROLE";
/// Where a program finds display, sound and portals.
const DESKTOP: [&str; 6] =
    ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "PULSE_SERVER"];

/// Not a test of its own: the other processes of the test, in their namespaces.
#[test]
fn the_others() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let ready = || {
        writeln!(stdout(), "\n> ready").unwrap();
        stdout().flush().unwrap();
    };
    match role.as_str() {
        "server" => {
            let listeners = PORTS.map(|port| TcpListener::bind((SERVER, port)).unwrap());
            ready();
            std::thread::scope(|scope| {
                for listener in &listeners {
                    scope.spawn(|| listener.incoming().flatten().for_each(serve));
                }
            });
        }
        "resolver" => {
            let socket = UdpSocket::bind("127.0.0.53:53").unwrap();
            ready();
            resolve(&socket);
        }
        // The one that the machine's own asks.
        "upstream" => {
            let socket = UdpSocket::bind("192.0.2.1:53").unwrap();
            ready();
            resolve(&socket);
        }
        // Traffic of this machine that is not the client's, all the time.
        "neighbour" => {
            ready();
            loop {
                if let Ok(mut stream) = TcpStream::connect((SERVER, PORTS[1])) {
                    let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            }
        }
        // A program with a window: it speaks to its desktop over a socket in the session's folder.
        "desktop" => {
            for name in DESKTOP {
                writeln!(stdout(), "\n> {name}={}", std::env::var(name).unwrap_or_default()).unwrap();
            }
            let folder = std::env::var("XDG_RUNTIME_DIR").unwrap();
            let mut desktop = UnixStream::connect(Path::new(&folder).join("wayland-7")).unwrap();
            desktop.write_all(b"a window").unwrap();
            desktop.shutdown(Shutdown::Write).unwrap();
            let mut said = String::new();
            desktop.read_to_string(&mut said).unwrap();
            writeln!(stdout(), "\n> {said}").unwrap();
        }
        _ => panic!("{role}"),
    }
}

fn serve(mut stream: TcpStream) {
    let mut request = [0; 1_024];
    let _ = stream.read(&mut request);
    let _ = stream.write_all(format!("HTTP/1.0 200 OK\r\nContent-Length: {BODY}\r\n\r\n").as_bytes());
    let _ = stream.write_all(&vec![b'x'; BODY]);
}

/// Answers every question for an IPv4 address with the server's (RFC 1035 §4.1), and others with nothing.
fn resolve(socket: &UdpSocket) {
    let mut buffer = [0; 512];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).unwrap();
        let end = 12 + buffer[12..len].iter().position(|b| *b == 0).unwrap() + 5;
        let address = buffer[end - 4..end - 2] == [0, 1];
        let mut answer = buffer[..end].to_vec();
        answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(address), 0, 0, 0, 0]);
        if address {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(SERVER.octets());
        }
        socket.send_to(&answer, from).unwrap();
    }
}

fn sh(line: &str) {
    let done = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A machine and a server, joined by a cable.
struct World {
    others: Vec<Other>,
    folder: TempDir,
    machine: String,
    server: String,
}

impl Drop for World {
    fn drop(&mut self) {
        self.others.clear();
        for space in [&self.machine, &self.server] {
            let _ = Command::new("ip").args(["netns", "del", space]).status();
        }
        let _ = fs::remove_dir_all(Path::new("/etc/netns").join(&self.machine));
    }
}

impl World {
    fn new(name: &str) -> Option<Self> {
        let have = |program: &str| zollhund::host::find_program(program).is_some();
        let missing: Vec<_> = ["ip", "setpriv", "curl", "pasta", "slirp4netns", "unshare", "nft"]
            .into_iter()
            .filter(|p| !have(p))
            .collect();
        let root = fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
        let allowed = root
            && Command::new("setpriv")
                .args(["--reuid", USER, "--regid", USER, "--clear-groups", "unshare", "--user", "--net", "true"])
                .status()
                .is_ok_and(|s| s.success());
        if !missing.is_empty() || !allowed {
            let why = format!("root: {root}, user namespaces: {allowed}, missing: {missing:?}");
            assert!(std::env::var_os("ZOLLHUND_LAB").is_none_or(|v| v != "required"), "{why}");
            let _ = writeln!(stderr(), "SKIPPED: no network of a client's own can be tried here ({why})");
            return None;
        }
        // As on every stock system.
        fs::set_permissions("/dev/net/tun", fs::Permissions::from_mode(0o666)).unwrap();
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let [machine, server] = ["m", "s"].map(|end| format!("zh-run-{name}-{end}{}", std::process::id()));
        let world = Self { others: Vec::new(), folder, machine, server };
        let (m, s) = (&world.machine, &world.server);
        sh(&format!(
            "ip netns add {m}; ip netns add {s}; ip link add zm netns {m} type veth peer name zs netns {s}
             ip -n {m} addr add {MACHINE}/24 dev zm; ip -n {m} link set zm up; ip -n {m} link set lo up
             ip -n {s} addr add 192.0.2.1/24 dev zs; ip -n {s} link set zs up; ip -n {s} link set lo up
             ip -n {s} addr add {SERVER}/32 dev lo; ip -n {m} route add default via 192.0.2.1
             mkdir -p /etc/netns/{m}; echo 'nameserver 127.0.0.53' > /etc/netns/{m}/resolv.conf"
        ));
        fs::copy(env!("CARGO_BIN_EXE_zollhund"), world.folder.path().join("zollhund")).unwrap();
        let mut world = world;
        world.others = vec![world.other("s", "server"), world.other("m", "resolver"), world.other("m", "neighbour")];
        Some(world)
    }

    fn other(&self, space: &str, role: &str) -> Other {
        let space = if space == "m" { &self.machine } else { &self.server };
        let mut child = Command::new("ip")
            .args(["netns", "exec", space])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "the_others", "--nocapture"])
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.find(|line| line.as_ref().is_ok_and(|l| l == "> ready")).unwrap().unwrap();
        Other(child)
    }

    /// As the ordinary user, on the machine.
    fn run(&self, args: &[&str]) -> Output {
        self.run_by(&AS_USER, args).output().unwrap()
    }

    /// Started by these words: who becomes somebody else first.
    fn run_by(&self, words: &[&str], args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.machine]).args(words).arg(self.path("zollhund")).arg("run").args(args);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Of what ran on the machine only resolver and neighbour do still. A helper may take a moment to go.
    fn nothing_is_left(&self) {
        let left = || Command::new("ip").args(["netns", "pids", &self.machine]).output().unwrap().stdout;
        wait_until("a process is left", || String::from_utf8_lossy(&left()).lines().count() == 2);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn rows(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_packet_is_the_clients_and_its_end_is_passed_on() {
    let Some(world) = World::new("user") else { return };
    let url = format!("http://{NAME}:{}/", PORTS[0]);
    let done = world.run(&["--save", "evidence", "--", "curl", "-sS", "-o", "body", "--max-time", "30", &url]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}\n{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(fs::metadata(world.path("body")).unwrap().len(), BODY as u64);

    // All of the client's packets: the whole body, and the question that led there.
    let flows = rows(&world.path("evidence/data/flows.jsonl"));
    let of_port = |port: u16| flows.iter().filter(move |f| f["server_port"] == port).collect::<Vec<_>>();
    let calls = of_port(PORTS[0]);
    let received: u64 = calls.iter().map(|f| f["payload_down"].as_u64().unwrap()).sum();
    assert!(received >= BODY as u64, "{received} of {BODY}: {flows:#?}");
    assert!(calls.iter().all(|f| f["server"] == SERVER.to_string() && f["client"] == MACHINE), "{calls:#?}");
    assert!(
        calls.iter().any(|f| f["name"] == NAME && f["process"].as_str().is_some_and(|p| p.contains("curl"))),
        "{calls:#?}"
    );
    let answers = rows(&world.path("evidence/data/dns.jsonl"));
    assert!(answers.iter().any(|a| a["query"] == NAME && a["data"] == SERVER.to_string()), "{answers:#?}");
    // And nobody else's, although others were busy on the same machine all the time.
    assert_eq!(of_port(PORTS[1]), Vec::<&Value>::new());
    let losses = rows(&world.path("evidence/data/losses.jsonl"));
    assert!(losses.iter().all(|l| l["stage"] == "set aside"), "{losses:#?}");
    // The evidence is the user's, and says how it came about.
    let journal = fs::read_to_string(world.path("evidence/data/capture/journal.jsonl")).unwrap();
    assert!(journal.contains("connected by pasta") && journal.contains("169.254.1.53"), "{journal}");
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(world.path("evidence")).unwrap());
    assert_eq!(owner.to_string(), USER);

    // Status and signal of the client.
    let status = |args: &[&str]| world.run(args).status.code();
    assert_eq!(status(&["--", "sh", "-c", "exit 7"]), Some(7));
    assert_eq!(status(&["--", "sh", "-c", "kill -TERM $$"]), Some(128 + 15));
    let none = world.run(&["--", "no-such-client"]);
    assert_eq!(none.status.code(), Some(2));
    let said = String::from_utf8_lossy(&none.stderr);
    assert!(said.starts_with("zollhund: cannot start no-such-client: ") && said.lines().count() == 1, "{said}");
    // Nothing is left behind.
    world.nothing_is_left();
}

#[test]
fn the_superusers_client_has_a_network_of_its_own_too() {
    let Some(world) = World::new("root") else { return };
    let url = format!("http://{NAME}:{}/", PORTS[0]);
    let client = ["--save", "evidence", "--", "curl", "-sS", "-o", "body", "--max-time", "30", &url];
    let done = world.run_by(&[], &client).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}\n{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(fs::metadata(world.path("body")).unwrap().len(), BODY as u64);
    let flows = rows(&world.path("evidence/data/flows.jsonl"));
    let received: u64 =
        flows.iter().filter(|f| f["server_port"] == PORTS[0]).map(|f| f["payload_down"].as_u64().unwrap()).sum();
    assert!(received >= BODY as u64, "{flows:#?}");
    assert!(flows.iter().any(|f| f["name"] == NAME && f["server"] == SERVER.to_string()), "{flows:#?}");
    assert!(flows.iter().all(|f| f["server_port"] != PORTS[1]), "somebody else's: {flows:#?}");
    let journal = fs::read_to_string(world.path("evidence/data/capture/journal.jsonl")).unwrap();
    assert!(journal.contains("connected by slirp4netns"), "{journal}");
    let ended = world.run_by(&[], &["--", "sh", "-c", "exit 7"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(7));
    world.nothing_is_left();
}

/// Whether the kernel translates addresses; said loudly if not.
fn kernel_has_nat() -> bool {
    let rules = "table ip x { chain c { type nat hook postrouting priority 100; masquerade\n}\n}";
    let has = Command::new("unshare").args(["--net", "nft", rules]).status().is_ok_and(|status| status.success());
    if !has {
        assert!(std::env::var_os("ZOLLHUND_LAB").is_none_or(|v| v != "required"), "no address translation");
        let _ = writeln!(stderr(), "SKIPPED: this kernel translates no addresses (nf_tables, nft_masq)");
    }
    has
}

/// What `run` may change on the machine: rules, interfaces, routes, forwarding.
fn state(world: &World) -> String {
    let look = "nft list ruleset; ip -o link; ip -4 -o addr; ip -4 route show table all; \
                grep -H . /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv4/ip_forward";
    let output = Command::new("ip").args(["netns", "exec", &world.machine, "sh", "-c", look]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Asks again until it holds.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_500 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("not so after half a minute: {what}");
}

#[test]
fn where_no_helper_serves_the_superuser_nat_does_and_all_is_undone() {
    let Some(mut world) = World::new("nat").filter(|_| kernel_has_nat()) else { return };
    world.others.push(world.other("s", "upstream"));
    sh(&format!("ip netns exec {} sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'", world.machine));
    sh(&format!("ip -n {} link set zm mtu 1400", world.machine));
    let before = state(&world);
    // Neither pasta nor slirp4netns, and a resolver on the loopback that writes down whom it asks.
    let without = "for p in pasta slirp4netns; do mount --bind /dev/null \"$(command -v $p)\"; done
                   mount -t tmpfs none /run; mkdir -p /run/systemd/resolve
                   echo 'nameserver 192.0.2.1' > /run/systemd/resolve/resolv.conf; exec \"$0\" \"$@\"";
    let url = format!("http://{NAME}:{}/", PORTS[0]);
    let client = ["--save", "evidence", "--", "curl", "-sS", "-o", "body", "--max-time", "30", &url];
    let done = world.run_by(&["unshare", "-m", "sh", "-ec", without], &client).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}\n{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(fs::metadata(world.path("body")).unwrap().len(), BODY as u64);
    assert!(said.contains("this machine is changed until the end: interface zoll"), "{said}");
    assert!(said.contains("from zm, where it was off") && said.contains("is undone"), "{said}");
    assert_eq!(state(&world), before);
    let flows = rows(&world.path("evidence/data/flows.jsonl"));
    let calls: Vec<_> = flows.iter().filter(|f| f["server_port"] == PORTS[0]).collect();
    let received: u64 = calls.iter().map(|f| f["payload_down"].as_u64().unwrap()).sum();
    assert!(received >= BODY as u64, "{flows:#?}");
    assert!(calls.iter().all(|f| f["client"] == "172.31.253.2" && f["name"] == NAME), "{flows:#?}");
    assert!(flows.iter().all(|f| f["server_port"] != PORTS[1]), "somebody else's: {flows:#?}");
    // No packet is larger than it is on the way.
    let packets: u64 = calls.iter().map(|f| f["packets_down"].as_u64().unwrap()).sum();
    assert!(packets >= (BODY / 1_348) as u64, "{packets} packets: {calls:#?}");
    let journal = fs::read_to_string(world.path("evidence/data/capture/journal.jsonl")).unwrap();
    for wanted in ["connected by NAT", "nft table zollhund_", "the client asks those of /run/systemd/resolve"] {
        assert!(journal.contains(wanted), "{wanted}: {journal}");
    }
}

#[test]
fn nat_is_undone_however_the_run_ends_and_serves_the_user_who_called() {
    let Some(world) = World::new("undo").filter(|_| kernel_has_nat()) else { return };
    let out = |args: &[&str]| {
        let mut run = world.run_by(&[], &[&["--headless", "--network", "nat"], args].concat());
        run.stdout(Stdio::null()).stderr(Stdio::piped());
        run
    };
    fs::write(format!("/etc/netns/{}/resolv.conf", world.machine), "nameserver 192.0.2.1\n").unwrap();
    sh(&format!("ip netns exec {} sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'", world.machine));
    let before = state(&world);
    for signal in ["TERM", "KILL"] {
        let mut first = Other(out(&["--", "sleep", "1000"]).spawn().unwrap());
        wait_until("forwarding is switched on", || state(&world).contains("zm/forwarding:1"));
        // Another one finds other addresses, and what it needs stays on when the first is gone.
        let mut second = Other(out(&["--", "sleep", "1000"]).spawn().unwrap());
        wait_until("the second is there", || state(&world).contains("172.31.253.5/30"));
        sh(&format!("kill -{signal} {}", first.0.id()));
        first.0.wait().unwrap();
        wait_until("the first is undone", || !state(&world).contains("172.31.253.1/30"));
        assert!(state(&world).contains("zm/forwarding:1"), "{}", state(&world));
        sh(&format!("kill -{signal} {}", second.0.id()));
        second.0.wait().unwrap();
        wait_until("all is undone", || state(&world) == before);
    }
    let url = format!("http://{SERVER}:{}/", PORTS[0]);
    let mut run = out(&["--save", "evidence", "--", "curl", "-sS", "-o", "body", "--max-time", "30", &url]);
    let done = run.env("SUDO_UID", USER).env("SUDO_GID", USER).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(state(&world), before);
    for made in ["evidence", "evidence/data/flows.csv", "body"] {
        let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(world.path(made)).unwrap());
        assert_eq!(owner.to_string(), USER, "{made}");
    }
    // Nobody else may.
    let refused = world.run(&["--network", "nat", "--", "true"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!((refused.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("only the superuser may; put `sudo` in front"), "{said}");
}

#[test]
fn what_sudo_starts_is_the_callers() {
    let Some(world) = World::new("sudo").filter(|_| kernel_has_nat()) else { return };
    // The caller has an account, and may, in this process's view of the files only.
    let caller = format!(
        "for f in passwd shadow; do cp -p /etc/$f .$f; done
         echo 'caller:x:{USER}:{USER}::/nonexistent:/bin/sh' >> .passwd; echo 'caller:*:20000:0:99999:7:::' >> .shadow
         echo 'ALL ALL=(ALL) NOPASSWD: ALL' > .sudoers; chmod 440 .sudoers
         for f in passwd shadow sudoers; do mount --bind .$f /etc/$f; done
         exec {} sudo -n \"$0\" \"$@\"",
        AS_USER.join(" ")
    );
    if zollhund::host::find_program("sudo").is_none() {
        assert!(std::env::var_os("ZOLLHUND_LAB").is_none_or(|v| v != "required"), "sudo is missing");
        let _ = writeln!(stderr(), "SKIPPED: sudo is not installed");
        return;
    }
    fs::write(format!("/etc/netns/{}/resolv.conf", world.machine), "nameserver 192.0.2.1\n").unwrap();
    let url = format!("http://{SERVER}:{}/", PORTS[0]);
    // Slow enough to be looked at while it lives, also on a busy machine: what has ended keeps the name of the script.
    let who = "id -u >who; exec curl -sS -o body --limit-rate 100k --max-time 30 \"$0\"";
    for network in ["pasta", "nat"] {
        let evidence = format!("evidence-{network}");
        let args = ["--network", network, "--save", &evidence, "--", "sh", "-c", who, &url];
        let done = world.run_by(&["unshare", "-m", "sh", "-ec", &caller], &args).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{network}: {}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(fs::read_to_string(world.path("who")).unwrap().trim(), USER, "{network}");
        for made in [&evidence, &format!("{evidence}/data/capture/journal.jsonl"), "body"] {
            let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(world.path(made)).unwrap());
            assert_eq!(owner.to_string(), USER, "{network}: {made}");
        }
        let flows = rows(&world.path(&format!("{evidence}/data/flows.jsonl")));
        assert!(flows.iter().any(|f| f["process"].as_str().is_some_and(|p| p.contains("curl"))), "{flows:#?}");
        let journal = fs::read_to_string(world.path(&format!("{evidence}/data/capture/journal.jsonl"))).unwrap();
        assert!(journal.contains("rights given up: ") && !journal.contains("NOT, "), "{journal}");
    }
}

#[test]
fn a_client_with_a_window_keeps_its_desktop() {
    let Some(world) = World::new("gui") else { return };
    let session = world.path("session");
    fs::create_dir(&session).unwrap();
    let desktop = UnixListener::bind(session.join("wayland-7")).unwrap();
    for path in [&session, &session.join("wayland-7")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let served = std::thread::spawn(move || {
        let (mut window, _) = desktop.accept().unwrap();
        let mut said = String::new();
        window.read_to_string(&mut said).unwrap();
        window.write_all(b"shown").unwrap();
        said
    });
    let client = world.path("client");
    fs::copy(std::env::current_exe().unwrap(), &client).unwrap();
    let values = DESKTOP.map(|name| match name {
        "XDG_RUNTIME_DIR" => session.to_str().unwrap().to_owned(),
        "WAYLAND_DISPLAY" => "wayland-7".to_owned(),
        _ => format!("{}/{name}", session.display()),
    });
    let client = ["--headless", "--", client.to_str().unwrap(), "--exact", "the_others", "--nocapture"];
    let mut run = world.run_by(&AS_USER, &client);
    let done = run.env(ROLE, "desktop").envs(DESKTOP.iter().zip(&values)).output().unwrap();
    // What a client prints is on standard error: the report has the other.
    let said = String::from_utf8_lossy(&done.stderr);
    for (name, value) in DESKTOP.iter().zip(&values) {
        assert!(said.contains(&format!("> {name}={value}\n")), "{name}: {said}");
    }
    assert!(said.contains("> shown\n"), "{said}");
    assert_eq!(served.join().unwrap(), "a window");
}

#[test]
fn where_user_namespaces_are_forbidden_one_line_tells_the_cure_and_the_way_around() {
    let Some(world) = World::new("none") else { return };
    // The bound is the namespace's own: one in which there may be no further ones.
    let forbid = "echo 0 > /proc/sys/user/max_user_namespaces
                  exec setpriv --ambient-caps=-all --inh-caps=-all \"$0\" \"$@\"";
    let words =
        [&AS_USER[..], &["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-ec", forbid]].concat();
    let done = world.run_by(&words, &["--", "true"]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!((done.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    for wanted in ["user.max_user_namespaces is 0", "sudo sysctl user.max_user_namespaces=", "zollhund watch --pid"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}
