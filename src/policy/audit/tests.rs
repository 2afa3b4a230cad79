use super::*;

const HEAD: &str = "[case]\nreference = \"A 1\"\ndate = 2026-11-20\n";

fn parse(rest: &str) -> Result<Audit, PolicyError> {
    Audit::parse("audit.toml", &format!("{HEAD}{rest}"), None)
}

#[test]
fn the_template_is_an_audit_file() {
    let audit = Audit::parse("audit.toml", TEMPLATE, None).unwrap();
    assert_eq!((&*audit.case.reference, audit.service.as_deref()), ("2026-0815", Some("zoom")));
    let vantage = audit.vantage.as_ref().unwrap();
    assert_eq!((&*vantage.name, vantage.point.latitude, vantage.radius), ("Berlin", 52.52, 25.0));
    assert_eq!(audit.jurisdiction.unwrap().as_str(), "DE");
    assert_eq!(audit.approved, [Area::Eea, Area::Country(CountryCode::parse("CH").unwrap())]);
    assert_eq!((audit.regions.as_slice(), audit.telemetry), (&[Area::Eea][..], Some(false)));
    let list = audit.list.as_ref().unwrap();
    assert_eq!((list.entries.len(), &*list.source.sha256, list.public), (1, &*audit.source.sha256, false));
    assert_eq!(audit.dpf_of("ZOOM Communications Inc").unwrap().status, DpfStatus::Active);
    assert!(audit.dpf_of("Zoominfo").is_none());
    let markers: Vec<_> = audit.markers.iter().map(|(t, m)| format!("{t} {}", m.exact())).collect();
    assert_eq!(
        markers,
        ["2026-11-20T09:00:12.000000000Z signed in", "2026-11-20T09:01:40.000000000Z joined, microphone off"]
    );
    // Each key that the template comments out is one that the file knows.
    let all =
        TEMPLATE.replace("# latitude", "latitude").replace("# longitude", "longitude").replace("city =", "# city =");
    let all = all.replace("# parameters", "parameters");
    let audit = Audit::parse("audit.toml", &all, None).unwrap();
    assert!(audit.vantage.unwrap().name.contains(", "));
    assert_eq!(audit.parameters.keys().collect::<Vec<_>>(), ["host", "turn"]);
}

#[test]
fn only_the_case_is_needed() {
    let audit = parse("").unwrap();
    assert!(audit.vantage.is_none() && audit.list.is_none() && audit.telemetry.is_none() && audit.markers.is_empty());
    assert_eq!((&*audit.source.name, &*audit.source.date), ("audit.toml", "2026-11-20"));
}

#[test]
fn a_bad_audit_file_is_refused_with_file_key_and_cure() {
    for (rest, says) in [
        ("[vantage]\ncity = \"Atlantis\"", "vantage.city: `Atlantis` is not in the list of cities; give latitude"),
        ("[vantage]\nlatitude = 1.0", "vantage: give either city, or latitude and longitude"),
        ("[vantage]\nlatitude = 91.0\nlongitude = 1.0\nradius_km = 5", "vantage: 91, 1 is no place"),
        ("[vantage]\nlatitude = 1.0\nlongitude = 1.0", "vantage.radius_km: is missing"),
        ("[vantage]\ncity = \"Wien\"\nradius_km = -1", "vantage.radius_km: -1 is no radius"),
        ("[declared]\nregions = [\"Europe\"]", "declared.regions: `Europe` is no country code; write \"DE\""),
        ("[declared]\ntelemetry = \"none\"", "declared.telemetry: `none` is neither; write \"on\" or \"off\""),
        ("[contract]\ntitle = \"A\"", "missing field `as_of`"),
        (
            "[contract]\ntitle = \"A\"\nas_of = 2026-01-01\nlist = \"a.csv\"",
            "contract.list: the file it names was not read",
        ),
        (
            "[contract]\ntitle = \"A\"\nas_of = 2026-01-01\nlist = \"a.csv\"\n[[contract.disclosed]]\nname = \"A\"",
            "contract.list: there is a file and a list in place; keep one",
        ),
        (
            "[contract]\ntitle = \"A\"\nas_of = 2026-01-01\n[[contract.disclosed]]\nname = \"A\"\nsource = \"X\"",
            "contract.disclosed 1: names a source; leave it out",
        ),
        ("[[markers]]\ntime = 2026-01-01T10:00:00\nact = \"left\"", "markers 1: the time needs day, time and zone"),
        ("[[markers]]\ntime = 2026-01-01T10:00:00Z", "markers 1: says nothing; give `act` (one of started, signed-in"),
        ("[[markers]]\ntime = 2026-01-01T10:00:00Z\nact = \"gone\"", "unknown variant `gone`"),
        ("[[dpf]]\nname = \"-\"\nstatus = \"active\"\nchecked = 2026-01-01", "dpf 1: `-` is no company name"),
        ("[retention]\nuntil = 2020-01-01", "retention.until: 2020-01-01 lies before the day of the case, 2026-11-20"),
        ("[operator]\nnom = \"A\"", "unknown field `nom`"),
        ("colour = 1", "unknown field `colour`"),
    ] {
        let said = parse(rest).unwrap_err().to_string();
        assert!(said.starts_with("audit.toml: ") && said.contains(says), "{said}");
    }
    let said =
        Audit::parse("audit.toml", "[case]\nreference = \" \"\ndate = 2026-01-01", None).unwrap_err().to_string();
    assert!(said.contains("case.reference: is empty; write"), "{said}");
}

#[test]
fn the_list_may_be_a_spreadsheet() {
    let contract = "[contract]\ntitle = \"Annex\"\nas_of = 2026-03-01\nlist = \"annex.csv\"\n";
    let with = |csv: &str| Audit::parse("audit.toml", &format!("{HEAD}{contract}"), Some(csv));
    assert_eq!(Audit::names_list("audit.toml", &format!("{HEAD}{contract}")).unwrap().as_deref(), Some("annex.csv"));
    for csv in [
        "name,purpose,countries,domains,asns\n\"Zendesk, Inc.\",help,\"US;IE\",zdassets.com zendesk.com,AS21880\n",
        "\u{feff}Name;Purpose;Countries;Domains;ASNs\r\n\"Zendesk, Inc.\";help;\"US;IE\";\"zdassets.com;zendesk.com\";21880\r\n;;;;\r\n",
    ] {
        let list = with(csv).unwrap().list.unwrap();
        let entry = &list.entries[0];
        assert_eq!((list.entries.len(), &*entry.name, &*entry.purpose), (1, "Zendesk, Inc.", "help"));
        assert_eq!(entry.countries.iter().map(|c| c.0.as_str()).collect::<Vec<_>>(), ["US", "IE"]);
        assert_eq!((entry.domains.len(), entry.asns.as_slice()), (2, &[21880][..]));
        // Both files stand behind what is said of the list.
        let sources: Vec<_> = list.sources().map(|s| s.name.to_string()).collect();
        assert_eq!(sources, ["annex.csv", "audit.toml"]);
    }
    for (csv, says) in [
        ("", "annex.csv: line 1: the column `name` is missing"),
        ("name\n", "annex.csv: line 2: there is no recipient"),
        ("name,country\nA,DE\n", "line 1: there is no column `country`; the columns are: name, aliases"),
        ("name,countries\nA,Germany\n", "line 2, countries: `Germany` is no country code"),
        ("name,asns\nA,ASX\n", "line 2, asns: `ASX` is no AS number"),
        ("name,purpose\nA\n", "line 2: "),
        ("name\n-\n", "disclosed 1 (-): `-` is no company name"),
        ("name,domains\nA,*.a.de\n", "write `a.de`"),
    ] {
        let said = with(csv).unwrap_err().to_string();
        assert!(said.starts_with("annex.csv: ") && said.contains(says) && !said.contains('\n'), "{csv}: {said}");
    }
}
