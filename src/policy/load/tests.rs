use super::*;
use crate::policy::Lang;
use crate::policy::words::Twin;

fn book() -> Book {
    Book::embedded().unwrap()
}

#[test]
fn the_list_of_profiles_is_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy/data/services");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .filter(|f| f.rsplit_once('.').is_some_and(|(_, ending)| ending == "toml"))
        .collect();
    files.sort();
    let mut listed: Vec<String> = SERVICES.iter().map(|(id, _)| format!("{id}.toml")).collect();
    listed.sort();
    assert_eq!(files, listed, "data/services and SERVICES in load.rs must name the same files");
}

#[test]
fn everything_embedded_is_valid_and_founded() {
    let book = book();
    for (id, text) in SERVICES {
        let profile = book.profile(id, &Parameters::new()).unwrap();
        assert_eq!(&*profile.file.id, *id);
        let facts = profile.facts();
        assert_eq!(facts.sourced + facts.unverified, facts.statements, "{id}");
        assert!(facts.statements > 5 || profile.file.skeleton, "{id}");
        // A source nobody cites is a leftover.
        for key in profile.file.sources.keys().filter(|key| !key.contains('/')) {
            assert!(text.contains(&format!("source = \"{key}\"")), "{id}: source {key} is not used");
        }
        assert_eq!(profile.source.sha256.len(), 64);
        // Nobody goes through a file before its sources were read.
        assert!(profile.file.sources.values().all(|s| s.read <= profile.file.edition), "{id}");
    }
    let (trackers, unverified) = book.trackers.facts();
    assert!(trackers >= 226 && unverified < trackers / 2, "{trackers} {unverified}");
    assert_eq!(book.sources().len(), 4);
    assert!(book.services().is_sorted());
}

fn zoom_text() -> &'static str {
    SERVICES.iter().find(|s| s.0 == "zoom").unwrap().1
}

#[test]
fn files_of_the_user_replace_and_add() {
    let zoom = zoom_text().replace("name = \"Zoom\"", "name = \"Zoom of ours\"");
    let own = zoom.replace("id = \"zoom\"", "id = \"ours\"");
    let files = vec![
        ("dir/services/zoom.toml".to_owned(), zoom.clone()),
        ("dir/ours.toml".to_owned(), own),
        ("dir/README.md".to_owned(), "not data".to_owned()),
        (
            "dir/background.toml".to_owned(),
            "edition = 2020-01-01\nhosts = []\napplications = []\n[sources]\n".to_owned(),
        ),
    ];
    let book = Book::with_dir(files).unwrap();
    assert_eq!(&*book.profile("zoom", &Parameters::new()).unwrap().file.name, "Zoom of ours");
    assert_eq!(&*book.profile("zoom", &Parameters::new()).unwrap().source.name, "dir/services/zoom.toml");
    assert!(book.services().any(|s| s == "ours"));
    assert_eq!(book.background.facts().0, 0);
    let twice = vec![("a.toml".to_owned(), zoom.clone()), ("b.toml".to_owned(), zoom)];
    assert!(Book::with_dir(twice).unwrap_err().to_string().contains("`zoom` is also in a.toml"));
    let broken = vec![("dir/trackers.toml".to_owned(), "trackers = 1".to_owned())];
    assert!(Book::with_dir(broken).unwrap_err().to_string().starts_with("dir/trackers.toml: line 1: "));
    let said = book.profile("zom", &Parameters::new()).unwrap_err().to_string();
    assert!(said.contains("zom") && said.contains("teams") && said.contains("zoom"), "{said}");
}

#[test]
fn a_list_of_ones_own_takes_the_place_of_the_public_one() {
    let text = "title = \"Annex 2\"\nas_of = 2026-03-01\n[[disclosed]]\nname = \"Amazon Web Services EMEA SARL\"\ncountries = [\"DE\"]\n";
    let book = book().with_list("annex.toml", text).unwrap();
    let profile = book.profile("zoom", &Parameters::new()).unwrap();
    assert_eq!((profile.list.title(Lang::De).as_str(), &*profile.list.source.date), ("Annex 2", "2026-03-01"));
    assert_eq!(profile.list.entries.len(), 1);
    // What the profile knows of the company's domains is kept.
    assert!(profile.list.entry_of_host("d1.cloudfront.net").is_some());
    assert!(profile.list.entry_of_company("Oracle America").is_none());
    let alone = book.list_profile().unwrap();
    assert_eq!(&*alone.file.name, "Annex 2");
    assert_eq!(alone.list.entry_of_company("Amazon Web Services, Inc."), Some(0));
    for (text, says) in [
        ("as_of = 2026-03-01", "missing field `title`"),
        ("title = \"a\"\nas_of = 2026-03-01\n[[disclosed]]\nname = \"A\"\nsource = \"X\"", "source `X`"),
        ("title = \"a\"\nas_of = 2026-03-01\n[[disclosed]]\nname = \" \"", "no company name"),
        ("title = \"a\"\nas_of = 2026-03-01\n[[disclosed]]\nname = \"A\"\ndomains = [\"*.a.de\"]", "write `a.de`"),
        ("title = \"a\"\nas_of = 2026-03-01\n[[disclosed]]\nname = \"A\"\ncountry = \"DE\"", "unknown field `country`"),
    ] {
        let said = Book::embedded().unwrap().with_list("annex.toml", text).unwrap_err().to_string();
        assert!(said.starts_with("annex.toml: ") && said.contains(says), "{said}");
    }
}

#[test]
fn labels_go_by_the_most_specific_suffix() {
    let book = book();
    for (host, category) in [
        ("mobile.pipe.aria.microsoft.com", Some("telemetry")),
        ("gate.hockeyapp.net", Some("crash")),
        ("eu-teams.events.data.microsoft.com", Some("telemetry")),
        ("self.events.data.microsoft.com", Some("os-telemetry")),
        ("x.v10.events.data.microsoft.com", Some("os-telemetry")),
        ("skypedataprdcolneu04.cloudapp.net", Some("telemetry")),
        ("www.googletagmanager.com", Some("tag-manager")),
        ("o1.ingest.de.sentry.io", Some("crash")),
        ("log.zoom.us", Some("logs")),
        ("ws.zoominfo.com", Some("sales-intel")),
        ("mc.yandex.ru", Some("analytics")),
        ("yandex.ru", None),
        ("www.googleapis.com", None),
        ("fcm.googleapis.com", Some("push")),
        ("zoom.us", None),
        ("dati.ntop.org", None),
        ("microsoft.com", None),
        ("metrics-a.wbx2.com", Some("telemetry")),
        ("notsentry.io", None),
    ] {
        assert_eq!(book.trackers.label(host).as_ref().map(|l| &*l.category), category, "{host}");
    }
    let label = book.label(Some("example.org"), ["smetrics.example.org.omtrdc.net"]).unwrap();
    assert_eq!((&*label.suffix, label.operator_country.unwrap().as_str()), ("omtrdc.net", "US"));
    // Where the sources disagree on the country, none is claimed.
    assert_eq!(book.trackers.label("t.appsflyer.com").unwrap().operator_country, None);
}

#[test]
fn an_old_table_says_so() {
    let book = book();
    let edition = book.regimes.edition();
    assert_eq!(book.stale(Day(edition.0 + 180)), None);
    assert_eq!(book.stale(Day(edition.0 + 181)), Some(181));
    assert_eq!(book.stale(Day(0)), None);
}

/// Whole words that no text may contain: a capture shows observations, not law. Hosts and links are not texts.
#[test]
fn no_text_of_the_data_gives_a_verdict() {
    let book = book();
    let mut texts: Vec<(String, Lang, String)> = Vec::new();
    for lang in Lang::ALL {
        texts.extend(book.regimes.texts(lang).map(|t| ("jurisdictions".to_owned(), lang, t)));
    }
    for (id, _) in SERVICES {
        let file = book.profile(id, &Parameters::new()).unwrap().file;
        let mut en = |t: &str| texts.push(((*id).to_owned(), Lang::En, t.to_owned()));
        en(&file.provider.note);
        en(&file.provider.basis_claimed);
        file.hosts.iter().for_each(|r| en(&r.note));
        file.networks.iter().for_each(|r| en(&r.note));
        file.ports.iter().for_each(|r| en(&r.note));
        file.processes.iter().for_each(|r| en(&r.note));
        file.disclosed.iter().for_each(|r| [&r.note, &r.purpose].into_iter().for_each(|t| en(t)));
        file.defaults.iter().for_each(|r| [&r.note, &r.switch].into_iter().for_each(|t| en(t)));
        file.host_codes.iter().for_each(|r| en(&r.note));
        file.regions.iter().for_each(|r| en(&r.pin));
        file.sources.values().for_each(|r| en(&r.title));
        let twins = file.regions.iter().map(|r| &r.text).chain(file.record.iter().map(|r| &r.text));
        let twins: Vec<Twin> = twins.cloned().collect();
        for (lang, twin) in Lang::ALL.into_iter().flat_map(|l| twins.iter().map(move |t| (l, t))) {
            assert!(!twin.en.is_empty() && !twin.de.is_empty() && twin.en != twin.de, "{id}: {}", twin.en);
            texts.push(((*id).to_owned(), lang, twin.get(lang).to_owned()));
        }
    }
    assert!(texts.len() > 300);
    for (place, lang, text) in &texts {
        if let Some(word) = crate::policy::rules::forbidden(text, *lang) {
            panic!("{place}: `{word}` in: {text}");
        }
    }
}
