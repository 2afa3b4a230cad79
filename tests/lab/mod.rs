//! A laboratory: two network namespaces joined by a cable, with the servers of a conference service in one of them (DNS,
//! web, media, TURN and a telemetry host, at documentation addresses) and a real browser in the other. All of it is gone
//! when the test ends.
//!
//! Needs root, and Debian's janus, coturn, nginx, dnsmasq and chromium; a test that lacks them says so loudly and is
//! skipped, except where `ZOLLHUND_LAB=required` is set.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]
#![allow(clippy::disallowed_methods, reason = "real programs need real time: it bounds how long a test waits")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The address of the client, and where it is told that the servers are.
pub const CLIENT: &str = "192.0.2.10";
pub const RESOLVER: &str = "192.0.2.53";
pub const SIGNALLING: (&str, &str) = ("call.example", "203.0.113.10");
pub const MEDIA: &str = "203.0.113.20";
pub const TURN: (&str, &str) = ("turn.call.example", "203.0.113.30");
/// Contacted by the page, on no list, placed in a third country.
pub const TELEMETRY: (&str, &str) = ("stats.metrics.example", "198.51.100.66");
/// The client's end of the cable.
pub const CABLE: &str = "cable";

/// How long anything here may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAMS: [&str; 9] = ["ip", "openssl", "dnsmasq", "nginx", "turnserver", "janus", "chromium", "curl", "tshark"];

/// The folder with the page, the policy and the places of the laboratory.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lab")
}

/// A process that ends with the test.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal by its name, as `TERM`.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap().success());
    }

    /// Waits for its end; the exit status, or `None` if a signal ended it.
    pub fn wait(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < until, "process {} does not end", self.id());
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn stdout(&mut self) -> Lines {
        Lines::of(self.0.stdout.take().unwrap())
    }

    pub fn stderr(&mut self) -> Lines {
        Lines::of(self.0.stderr.take().unwrap())
    }
}

/// The lines of a stream, as they come.
pub struct Lines(Receiver<String>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    // Nobody listens any more, but whoever writes must not get stuck.
                }
            }
        });
        Self(lines)
    }

    /// The next line for which `holds` is true.
    pub fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.0.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if holds(&line) => return line,
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("waited in vain for {what}; there were:\n{}", seen.join("\n"))
                }
            }
        }
    }

    /// Everything until the stream ends.
    pub fn rest(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}

/// The laboratory.
pub struct Lab {
    // In the order in which they are to go: servers, then the ground they stand on.
    servers: Vec<Process>,
    spaces: [Space; 2],
    folder: TempDir,
}

/// A network namespace.
struct Space(String);

impl Space {
    fn new(name: String) -> Self {
        sh(&["ip", "netns", "add", &name]);
        Self(name)
    }

    fn ip(&self, args: &str) {
        let mut words = vec!["ip", "-n", &self.0];
        words.extend(args.split(' '));
        sh(&words);
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
        let _ = fs::remove_dir_all(Path::new("/etc/netns").join(&self.0));
    }
}

fn sh(words: &[&str]) {
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n")
}

impl Lab {
    /// Builds it and waits until every server answers. `None`, and a loud line, where that cannot be.
    pub fn new() -> Option<Self> {
        let here =
            |name: &&&str| !["/usr/bin", "/usr/sbin", "/sbin", "/bin"].iter().any(|d| Path::new(d).join(name).exists());
        let missing: Vec<_> = PROGRAMS.iter().filter(here).copied().collect();
        if !is_root() || !missing.is_empty() {
            let why = if is_root() { format!("missing: {}", missing.join(", ")) } else { "it needs root".to_owned() };
            assert!(std::env::var("ZOLLHUND_LAB").is_err(), "the laboratory cannot be built: {why}");
            eprintln!("SKIPPED: the laboratory cannot be built: {why}");
            return None;
        }
        let unique = std::process::id();
        let spaces = [Space::new(format!("zh-servers-{unique}")), Space::new(format!("zh-client-{unique}"))];
        let mut lab = Self { servers: Vec::new(), spaces, folder: TempDir::new().unwrap() };
        lab.wire();
        lab.serve();
        Some(lab)
    }

    fn wire(&self) {
        let [servers, client] = &self.spaces;
        let name = &client.0;
        sh(&["ip", "link", "add", CABLE, "netns", name, "type", "veth", "peer", "name", CABLE, "netns", &servers.0]);
        for (space, address) in [(servers, "192.0.2.1"), (client, CLIENT)] {
            space.ip("link set lo up");
            space.ip(&format!("addr add {address}/24 dev {CABLE}"));
            space.ip(&format!("link set {CABLE} up"));
        }
        client.ip("route add default via 192.0.2.1");
        // Not on the loopback interface: the media server offers no address of that.
        for address in [RESOLVER, SIGNALLING.1, MEDIA, TURN.1, TELEMETRY.1] {
            servers.ip(&format!("addr add {address}/32 dev {CABLE}"));
        }
        let etc = Path::new("/etc/netns").join(name);
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("resolv.conf"), format!("nameserver {RESOLVER}\n")).unwrap();
    }

    fn serve(&mut self) {
        let folder = self.folder.path().to_str().unwrap().to_owned();
        let (key, cert) = (format!("{folder}/key.pem"), format!("{folder}/cert.pem"));
        let names = format!("subjectAltName=DNS:{},DNS:{}", SIGNALLING.0, TELEMETRY.0);
        sh(&[
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=call.example",
            "-addext",
            &names,
            "-keyout",
            &key,
            "-out",
            &cert,
        ]);
        let page = fixtures();
        let nginx = format!(
            "daemon off; pid {folder}/nginx.pid; error_log stderr; user root;\nevents {{}}\nhttp {{ access_log off;\n\
             client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n\
             uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; ssl_certificate {cert}; ssl_certificate_key {key};\n\
             server {{ listen {}:443 ssl; root {}; location /janus {{ proxy_pass http://127.0.0.1:8088; }} }}\n\
             server {{ listen {}:443 ssl; location / {{ add_header Access-Control-Allow-Origin *; return 204; }} }} }}\n",
            SIGNALLING.1,
            page.display(),
            TELEMETRY.1
        );
        let file = |name: &str, text: &str| {
            fs::write(format!("{folder}/{name}"), text).unwrap();
            format!("{folder}/{name}")
        };
        let nginx = file("nginx.conf", &nginx);
        let plugins = "libjanus_audiobridge libjanus_duktape libjanus_lua libjanus_nosip libjanus_recordplay libjanus_sip \
                       libjanus_streaming libjanus_textroom libjanus_videocall libjanus_videoroom libjanus_voicemail";
        let transports = "libjanus_mqtt libjanus_nanomsg libjanus_pfunix libjanus_rabbitmq libjanus_websockets";
        let list = |names: &str| names.split_whitespace().map(|n| format!("{n}.so")).collect::<Vec<_>>().join(",");
        let janus = file(
            "janus.jcfg",
            &format!(
                "general: {{ configs_folder = \"{folder}\" }}\n\
                 nat: {{ ice_enforce_list = \"{MEDIA}\" }}\nmedia: {{ rtp_port_range = \"20000-20200\" }}\n\
                 plugins: {{ disable = \"{}\" }}\ntransports: {{ disable = \"{}\" }}\n",
                list(plugins),
                list(transports)
            ),
        );
        file(
            "janus.transport.http.jcfg",
            "general: { json = \"compact\" base_path = \"/janus\" http = true port = 8088 ip = \"127.0.0.1\" }\n",
        );
        let names = [TURN, SIGNALLING, TELEMETRY].map(|(name, address)| format!("--address=/{name}/{address}"));
        let turn = [
            "-n",
            "--listening-ip",
            TURN.1,
            "--relay-ip",
            TURN.1,
            "--user",
            "guest:guest",
            "--realm",
            SIGNALLING.0,
            "--lt-cred-mech",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
            "--log-file",
            "stdout",
            "--pidfile",
            &format!("{folder}/turn.pid"),
            "--userdb",
            &format!("{folder}/turn.db"),
        ];
        let listen = format!("--listen-address={RESOLVER}");
        let mut dnsmasq = vec![
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            &listen,
            "--bind-interfaces",
            "--pid-file=",
            "--user=root",
        ];
        dnsmasq.extend(names.iter().map(String::as_str));
        self.start("dnsmasq", &dnsmasq);
        self.start("nginx", &["-c", &nginx]);
        self.start("turnserver", &turn);
        self.start("janus", &["-i", MEDIA, "-F", &folder, "-C", &janus]);
        self.answers("the media server", "curl", &["-skf", "https://call.example/janus/info"]);
        self.answers("the telemetry host", "curl", &["-skf", "https://stats.metrics.example/"]);
        self.answers("the TURN server", "turnutils_stunclient", &[TURN.1]);
    }

    fn start(&mut self, program: &str, args: &[&str]) {
        let log = fs::File::create(self.folder.path().join(format!("{program}.log"))).unwrap();
        let mut command = self.spaces[0].command(program);
        command.args(args).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.servers.push(Process(command.spawn().unwrap()));
    }

    /// Asks a server from the client's side until it answers.
    fn answers(&self, what: &str, program: &str, args: &[&str]) {
        let until = Instant::now() + PATIENCE;
        while !self.spaces[1].command(program).args(args).output().unwrap().status.success() {
            assert!(Instant::now() < until, "{what} does not answer; its log is in {}", self.folder.path().display());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A folder that is gone with the laboratory.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Starts a program on the client's side, with its output to be read.
    pub fn spawn(&self, program: &str, args: &[&str]) -> Process {
        let mut command = self.spaces[1].command(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Process(command.spawn().unwrap())
    }

    /// A browser that opens the page and makes the call. Its console is on standard error.
    pub fn browser(&self) -> Process {
        let profile = format!("--user-data-dir={}", self.path("profile"));
        self.spawn(
            "chromium",
            &[
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-default-apps",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                "--ignore-certificate-errors",
                "--enable-logging=stderr",
                &profile,
                "https://call.example/",
            ],
        )
    }
}
