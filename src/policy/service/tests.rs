use super::*;

const HEAD: &str = r#"
id = "x"
name = "X"
edition = 2026-01-01
[parameters]
host = "the operator's hosts"
[provider]
operator = "X GmbH"
source = "A"
[sources]
A = { title = "a", dated = 2020-01-01, read = 2026-01-01 }
B = { title = "b", read = 2025-01-01 }
K = { title = "k", read = 2026-01-01 }
"#;

fn parse(rest: &str) -> Result<Profile, PolicyError> {
    Profile::parse("x.toml", &format!("{HEAD}{rest}"), &Parameters::new(), |_| None)
}

#[test]
fn a_bad_profile_is_refused_with_file_place_and_cure() {
    for (rest, says) in [
        (
            "[[hosts]]\nhosts = [\"a.de\"]\npurpose = \"media\"\nsource = \"C\"",
            "hosts 1: source `C` is not under [sources]",
        ),
        ("[[hosts]]\nhosts = [\"a.de\"]\npurpose = \"media\"\nsource = \"K\"", "add confidence = \"unverified\""),
        ("[[hosts]]\nhosts = [\"a.de\"]\npurpose = \"media\"", "missing field `source`"),
        ("[[hosts]]\nhosts = [\"a.de\"]\npurpose = \"fun\"\nsource = \"A\"", "unknown variant `fun`"),
        (
            "[[hosts]]\nhosts = [\"*.a.de\"]\npurpose = \"media\"\nsource = \"A\"",
            "hosts 1 (*.a.de): `*.a.de`: write `a.de`",
        ),
        ("[[hosts]]\nhosts = [\"a.de\", \"a.de\"]\npurpose = \"media\"\nsource = \"A\"", "given twice"),
        ("[[hosts]]\nhosts = [\"a.{turn}\"]\npurpose = \"media\"\nsource = \"A\"", "`turn` is not under [parameters]"),
        ("[[hosts]]\nhosts = [\"a.{host\"]\npurpose = \"media\"\nsource = \"A\"", "a brace is not closed"),
        ("[[networks]]\nprefixes = [\"10.0.0.1/8\"]\nsource = \"A\"", "networks 1 (10.0.0.1/8): is no address range"),
        ("[[hosts]]\nhosts = [\"a.de\"]\npurpose = \"media\"\nsource = \"A\"\ncolour = 1", "unknown field `colour`"),
        ("[[disclosed]]\nname = \"A\"\nsource = \"\"", "disclosed 1: source `` is not under"),
        ("[[disclosed]]\nname = \"A\"\ncountries = [\"Germany\"]\nsource = \"A\"", "`Germany` is no country code"),
        ("[[record]]\ndate = 2020-01-01\nbody = \"b\"\ntext = { en = \"e\" }\nsource = \"A\"", "missing field `de`"),
    ] {
        let said = parse(rest).unwrap_err().to_string();
        assert!(said.starts_with("x.toml: ") && said.contains(says), "{said}");
    }
    let unknown = Parameters::from([("tor".to_owned(), vec!["a.de".to_owned()])]);
    let said = Profile::parse("x.toml", HEAD, &unknown, |_| None).unwrap_err().to_string();
    assert!(said.contains("`tor` is no parameter of this profile; it has: host"), "{said}");
    let bad_id = HEAD.replace("id = \"x\"", "id = \"X y\"");
    assert!(Profile::parse("x.toml", &bad_id, &Parameters::new(), |_| None).is_err());
}

#[test]
fn facts_count_what_is_sourced() {
    let profile = parse(
        "[[hosts]]\nhosts = [\"a.de\", \"b.de\"]\npurpose = \"media\"\nsource = \"B\"\n\
         [[networks]]\nprefixes = [\"10.0.0.0/8\"]\nasns = [1]\nsource = \"K\"\nconfidence = \"unverified\"\n",
    )
    .unwrap();
    let facts = profile.facts();
    assert_eq!((facts.statements, facts.sourced, facts.unverified), (5, 3, 2));
    assert_eq!(facts.oldest.unwrap().0.to_string(), "2020-01-01");
    assert_eq!(facts.newest.unwrap().0.to_string(), "2025-01-01");
}

#[test]
fn parameters_become_hosts_and_ranges() {
    let text =
        format!("{HEAD}[[hosts]]\nhosts = [\"{{host}}\", \"sfu.{{host}}\"]\npurpose = \"signalling\"\nsource = \"A\"");
    let given = Parameters::from([("host".to_owned(), vec!["Meet.Example.org.".to_owned()])]);
    let profile = Profile::parse("x.toml", &text, &given, |_| None).unwrap();
    assert!(profile.hosts.find("meet.example.org").is_some());
    assert!(profile.hosts.find("a.sfu.meet.example.org").is_some());
    let without = Profile::parse("x.toml", &text, &Parameters::new(), |_| None).unwrap();
    assert!(without.hosts.find("meet.example.org").is_none());
    assert_eq!(without.missing(&Parameters::new()).collect::<Vec<_>>(), [("host", "the operator's hosts")]);
    assert_eq!(profile.missing(&given).count(), 0);
    let wrong = Parameters::from([("host".to_owned(), vec!["https://meet.example.org/".to_owned()])]);
    assert!(
        Profile::parse("x.toml", &text, &wrong, |_| None)
            .unwrap_err()
            .to_string()
            .contains("host names are lower-case")
    );
    let address = format!("{HEAD}[[hosts]]\nhosts = [\"{{host}}\"]\npurpose = \"signalling\"\nsource = \"A\"");
    let given = Parameters::from([("host".to_owned(), vec!["192.168.7.9".to_owned()])]);
    assert_eq!(Profile::parse("x.toml", &address, &given, |_| None).unwrap().ranges.len(), 1);
}

#[test]
fn the_operators_own_host_stays_that_even_if_the_file_knows_it_otherwise() {
    let text = format!(
        "{HEAD}[[hosts]]\nhosts = [\"{{host}}\", \"{{host}}\"]\npurpose = \"signalling\"\nsource = \"A\"\n\
         [[defaults]]\nhosts = [\"matrix.org\"]\npurpose = \"push\"\nrecipient = \"M\"\nside = \"both\"\nsource = \"A\"\n"
    );
    let given = Parameters::from([("host".to_owned(), vec!["matrix.org".to_owned()])]);
    let own = Profile::parse("x.toml", &text, &given, |_| None).unwrap();
    assert_eq!(own.third_party("matrix.org"), None);
    assert!(own.default_of("matrix.org").is_none());
    let other = Profile::parse("x.toml", &text, &Parameters::new(), |_| None).unwrap();
    assert_eq!(other.third_party("matrix.org"), Some("M"));
}

#[test]
fn a_profile_builds_on_another() {
    let base = format!(
        "{HEAD}[[hosts]]\nhosts = [\"a.de\", \"b.de\"]\npurpose = \"media\"\nsource = \"A\"\n\
         [[networks]]\nprefixes = [\"10.0.0.0/8\"]\nsource = \"B\"\n"
    );
    let own = format!(
        "{}[[hosts]]\nhosts = [\"b.de\"]\npurpose = \"auth\"\nrecipient = \"C\"\nsource = \"A\"\n",
        HEAD.replace("id = \"x\"", "id = \"y\"\ninherits = \"x\"")
    );
    let find = |id: &str| (id == "x").then(|| Profile::parse("x.toml", &base, &Parameters::new(), |_| None));
    let profile = Profile::parse("y.toml", &own, &Parameters::new(), find).unwrap();
    assert_eq!((profile.third_party("b.de"), profile.third_party("a.de")), (Some("C"), None));
    assert!(profile.hosts.find("a.de").is_some() && profile.ranges.len() == 1);
    assert_eq!(&*profile.file.networks[0].source, "x/B");
    assert_eq!((&*profile.base.as_ref().unwrap().name, &*profile.source.name), ("x.toml", "y.toml"));
    assert!(profile.is_or_inherits("x") && profile.is_or_inherits("y") && !profile.is_or_inherits("z"));
    let said = Profile::parse("y.toml", &own, &Parameters::new(), |_| None).unwrap_err().to_string();
    assert!(said.contains("y.toml: inherits: there is no profile `x`"), "{said}");
    let twice = |_: &str| Some(Profile::parse("y.toml", &own, &Parameters::new(), find));
    let said = Profile::parse("z.toml", &own, &Parameters::new(), twice).unwrap_err().to_string();
    assert!(said.contains("builds on another profile itself"), "{said}");
    let code = |pattern: &str, country: &str| {
        parse(&format!(
            "[[host_codes]]\npattern = \"{pattern}\"\ncodes = {{ a = [\"{country}\", \"A\"] }}\nsource = \"A\""
        ))
        .map(|_| ())
        .map_err(|e| e.to_string())
    };
    assert_eq!(code("{code}.a.de", "DE"), Ok(()));
    assert!(code("a.{code}.de", "DE").unwrap_err().contains("host_codes 1: `a.{code}.de`: write `{code}` once"));
    assert!(code("*{code}*.a.de", "DE").unwrap_err().contains("in the first label"));
    assert!(code("{code}.a.de", "Germany").unwrap_err().contains("`Germany` is no country code"));
}
