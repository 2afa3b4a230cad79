//! The pages in a real browser: whatever names a capture holds, no script runs, nothing is asked for, nothing runs over the
//! edge of a telephone; and the page prints on A4. Needs chromium (and poppler-utils for the print); where they are missing
//! these tests say so and are skipped, except where `ZOLLHUND_LAB=required` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests may fail as tests do"
)]

#[path = "report/sample.rs"]
mod sample;

use sample::{call, hostile};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use zollhund::attribution::NameBasis;
use zollhund::dissect::fact::NameSource;
use zollhund::engine::view::{Marker, Summary};
use zollhund::policy::Lang;
use zollhund::report::{Annex, Difference, diff_html, summary_html};
use zollhund::wire::is_treacherous;

/// Names that would do something on a page that believed them. `{port}` is where their requests would arrive.
const EVIL: [&str; 9] = [
    "<script>window.owned=1;fetch('http://127.0.0.1:{port}/script')</script>",
    "\"><img src=http://127.0.0.1:{port}/image onerror=window.owned=1>",
    "'><svg/onload=window.owned=1>",
    "</title></style><link rel=stylesheet href=http://127.0.0.1:{port}/style>",
    "javascript:window.owned=1",
    "\u{202e}gnp.elpmaxe\u{2066}\u{200b}",
    "\u{1b}]0;owned\u{7}\u{1b}[2Jescape.example",
    "שלום.example مرحبا.example",
    "{{ self.title }}{% raw %}",
];

fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        assert!(std::env::var("ZOLLHUND_LAB").is_err(), "{program} is missing");
        eprintln!("SKIPPED: {program} is not installed, so nobody looked at the pages; `sh setup.sh lab` installs it");
    }
    there
}

/// Evil names wherever a capture can have names.
fn evil(lang: Lang, port: u16) -> Summary {
    let names: Vec<String> = EVIL.iter().map(|name| name.replace("{port}", &port.to_string())).collect();
    let mut summary = call(lang);
    summary.circumstances = hostile().circumstances;
    for (at, r) in summary.recipients.iter_mut().enumerate() {
        let label = "w".repeat(63);
        let longest = format!("{label}.{label}.{label}.{label}");
        let name = names.get(at).unwrap_or(&longest);
        r.names = vec![(name.as_str().into(), NameBasis::Hello(NameSource::TlsSni))];
        r.processes = vec![name.as_str().into()];
    }
    for (at, f) in summary.findings.iter_mut().enumerate() {
        let name = &names[at % names.len()];
        (f.subject, f.text) = (name.as_str().into(), format!("{name} was sent something; {}", f.text).into());
        f.uncertainty = name.as_str().into();
    }
    summary.captures[0].name = names[0].as_str().into();
    let time = summary.circumstances.first;
    summary.markers = names.iter().map(|name| Marker { time, text: name.as_str().into() }).collect();
    if let Some(stated) = &mut summary.stated {
        (stated.reference, stated.note) = (names[0].as_str().into(), names[1].as_str().into());
    }
    summary.losses.iter_mut().for_each(|loss| loss.kind = names[0].as_str().into());
    summary
}

/// A web server on loopback that keeps what it was asked for.
struct Server {
    port: u16,
    pages: Arc<Mutex<BTreeMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (pages, asked) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(Vec::new())));
        let server = Self { port, pages: Arc::clone(&pages), asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, asked) = (Arc::clone(&pages), Arc::clone(&asked));
                // A browser opens connections that it may never use.
                std::thread::spawn(move || answer(stream, &pages, &asked));
            }
        });
        server
    }
}

fn answer(stream: TcpStream, pages: &Mutex<BTreeMap<String, String>>, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    if reader.read_line(&mut request).is_err() || request.is_empty() {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let page = pages.lock().unwrap().get(&path).cloned();
    asked.lock().unwrap().push(path);
    let (status, body) = page.map_or(("404 Not Found", String::new()), |page| ("200 OK", page));
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// Holds the page in a frame as wide as a telephone and writes down what became of it.
const PHONE: &str = r#"<!DOCTYPE html><title>phone</title><iframe id="f" style="width:390px;height:800px;border:0" src="/page"></iframe>
<pre id="result"></pre><script>
onload = () => setTimeout(() => {
  const w = document.getElementById('f').contentWindow, d = w.document;
  const out = [...d.querySelectorAll('body *')].filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > 391);
  const thin = [...d.querySelectorAll('body *')].filter(e => !e.closest('.scroll, svg, .skip, thead') && e.clientWidth > 0
    && e.clientWidth < 60 && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim().length > 30));
  document.getElementById('result').textContent = 'RESULT' + JSON.stringify({
    width: d.documentElement.scrollWidth, out: out.map(e => e.tagName + ' ' + e.textContent.slice(0, 60)).slice(0, 5),
    thin: thin.map(e => e.tagName + ' ' + e.textContent.slice(0, 60)).slice(0, 5), owned: 'owned' in w, scripts: d.scripts.length, images: d.images.length, styles: d.styleSheets.length,
    headings: d.querySelectorAll('h2').length, styled: w.getComputedStyle(d.querySelector('table') || d.body).borderCollapse,
  }) + 'END';
}, 200);
</script>"#;

fn chromium(arguments: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let user_data = format!("--user-data-dir={}", profile.path().display());
    let out = Command::new("chromium")
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ])
        .arg(user_data)
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// What the browser saw, and what it asked for beyond the two pages.
fn look(server: &Server, page: &str) -> (Value, Vec<String>) {
    *server.pages.lock().unwrap() =
        [("/phone".to_owned(), PHONE.to_owned()), ("/page".to_owned(), page.to_owned())].into();
    server.asked.lock().unwrap().clear();
    let dom =
        chromium(&["--dump-dom", "--virtual-time-budget=8000", &format!("http://127.0.0.1:{}/phone", server.port)]);
    let result = dom.split("RESULT").nth(1).and_then(|result| result.split("END").next());
    let result = result.unwrap().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let own = ["/phone", "/page", "/favicon.ico"];
    let asked = server.asked.lock().unwrap().iter().filter(|path| !own.contains(&path.as_str())).cloned().collect();
    (serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {result}")), asked)
}

#[test]
fn no_name_runs_asks_or_overflows_on_a_telephone() {
    if !is_there("chromium") {
        return;
    }
    let server = Server::start();
    // The test can see what it is there for: a page that believes its names.
    let (seen, asked) = look(
        &server,
        &format!("<h2>x</h2><table></table>{}", EVIL.join(" ").replace("{port}", &server.port.to_string())),
    );
    assert_eq!((seen["owned"].as_bool(), seen["images"].as_u64()), (Some(true), Some(1)), "{seen}");
    assert!(asked.contains(&"/image".to_owned()), "{asked:?}");
    for lang in Lang::ALL {
        let (evil, mild) = (evil(lang, server.port), call(lang));
        for page in [summary_html(&evil, &Annex::default()), diff_html(&Difference::between(&mild, &evil))] {
            assert!(!page.chars().any(|c| c != '\n' && is_treacherous(c)));
            let (seen, asked) = look(&server, &page);
            assert_eq!(asked, Vec::<String>::new(), "nothing is asked for");
            assert_eq!(seen["owned"], false, "{seen}");
            assert_eq!((seen["scripts"].as_u64(), seen["images"].as_u64()), (Some(0), Some(0)), "{seen}");
            assert_eq!(
                (seen["styles"].as_u64(), seen["styled"].as_str()),
                (Some(1), Some("collapse")),
                "own style applies"
            );
            assert!(seen["width"].as_u64().unwrap() <= 390, "{seen}");
            assert_eq!(seen["out"], serde_json::json!([]), "over the edge");
            assert_eq!(seen["thin"], serde_json::json!([]), "a letter per line");
            assert!(seen["headings"].as_u64().unwrap() >= 4, "{seen}");
        }
    }
}

#[test]
fn the_page_prints_on_a4() {
    if !is_there("chromium") || !is_there("pdfinfo") {
        return;
    }
    for (lang, words) in [(Lang::En, "What cannot be shown"), (Lang::De, "Was sich nicht zeigen lässt")] {
        let pdf = zollhund::run::pdf(&summary_html(&evil(lang, 9), &Annex::default())).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.pdf");
        std::fs::write(&file, pdf).unwrap();
        let told = |program: &str, arguments: &[&str]| {
            let out = Command::new(program).args(arguments).output().unwrap();
            String::from_utf8(out.stdout).unwrap()
        };
        let info = told("pdfinfo", &[file.to_str().unwrap()]);
        assert!(info.contains("(A4)"), "{info}");
        let text = told("pdftotext", &[file.to_str().unwrap(), "-"]);
        assert!(text.contains(words) && text.contains("12. "), "{text}");
    }
}

/// A capture of thousands of recipients gives a page that can still be read, and says what is left out.
#[test]
fn the_page_is_bounded_and_says_what_is_left_out() {
    for (lang, left_out) in
        [(Lang::En, "more recipients are not written out"), (Lang::De, "weitere Empfänger sind hier nicht")]
    {
        let mut summary = call(lang);
        let recipients = summary.recipients.clone();
        summary.recipients = recipients.iter().cycle().take(20_000).cloned().collect();
        let findings = summary.findings.clone();
        summary.findings = findings.iter().cycle().take(30_000).cloned().collect();
        summary.findings.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.code));
        let page = summary_html(&summary, &Annex::default());
        assert!(page.len() < 3 << 20, "{} bytes", page.len());
        assert!(page.contains(left_out));
        assert_eq!(page, summary_html(&summary, &Annex::default()), "the same twice");
    }
}

/// What an authority looks for, in both languages.
#[test]
fn the_page_has_its_sections_and_its_sources() {
    for (lang, essentials) in [
        (
            Lang::En,
            [
                "1. Subject and circumstances",
                "12. Annex",
                "TRF-02",
                "frames 12, 40",
                "Example Authority",
                "Not stated:",
                "Witness",
                "Privacy Shield",
                "before the first marker",
                "joined",
            ],
        ),
        (
            Lang::De,
            [
                "1. Gegenstand und Umstände",
                "12. Anhang",
                "TRF-02",
                "Frames 12, 40",
                "Example Authority",
                "Nicht angegeben:",
                "Zeuge",
                "Privacy Shield",
                "vor der ersten Marke",
                "beigetreten",
            ],
        ),
    ] {
        let page = summary_html(&call(lang), &Annex::default());
        for essential in essentials {
            assert!(page.contains(essential), "{essential}");
        }
        for source in &call(lang).sources {
            assert!(page.contains(&*source.sha256), "the hash of {}", source.name);
        }
        assert!(page.contains(&format!("<html lang=\"{}\">", lang.token())));
        let anchors: Vec<&str> = page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(anchors.len() > 20);
        for anchor in anchors {
            assert!(page.contains(&format!("id=\"{anchor}\"")), "#{anchor} leads nowhere");
        }
    }
}
