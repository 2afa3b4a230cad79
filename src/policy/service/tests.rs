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
    Profile::parse("x.toml", &format!("{HEAD}{rest}"), &Parameters::new())
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
    let said = Profile::parse("x.toml", HEAD, &unknown).unwrap_err().to_string();
    assert!(said.contains("`tor` is no parameter of this profile; it has: host"), "{said}");
    let bad_id = HEAD.replace("id = \"x\"", "id = \"X y\"");
    assert!(Profile::parse("x.toml", &bad_id, &Parameters::new()).is_err());
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
    let profile = Profile::parse("x.toml", &text, &given).unwrap();
    assert!(profile.hosts.find("meet.example.org").is_some());
    assert!(profile.hosts.find("a.sfu.meet.example.org").is_some());
    let without = Profile::parse("x.toml", &text, &Parameters::new()).unwrap();
    assert!(without.hosts.find("meet.example.org").is_none());
    assert_eq!(without.missing(&Parameters::new()).collect::<Vec<_>>(), [("host", "the operator's hosts")]);
    assert_eq!(profile.missing(&given).count(), 0);
    let wrong = Parameters::from([("host".to_owned(), vec!["https://meet.example.org/".to_owned()])]);
    assert!(Profile::parse("x.toml", &text, &wrong).unwrap_err().to_string().contains("host names are lower-case"));
    let address = format!("{HEAD}[[hosts]]\nhosts = [\"{{host}}\"]\npurpose = \"signalling\"\nsource = \"A\"");
    let given = Parameters::from([("host".to_owned(), vec!["192.168.7.9".to_owned()])]);
    assert_eq!(Profile::parse("x.toml", &address, &given).unwrap().ranges.len(), 1);
}

#[test]
fn the_operators_own_host_stays_that_even_if_the_file_knows_it_otherwise() {
    let text = format!(
        "{HEAD}[[hosts]]\nhosts = [\"{{host}}\", \"{{host}}\"]\npurpose = \"signalling\"\nsource = \"A\"\n\
         [[defaults]]\nhosts = [\"matrix.org\"]\npurpose = \"push\"\nrecipient = \"M\"\nside = \"both\"\nsource = \"A\"\n"
    );
    let given = Parameters::from([("host".to_owned(), vec!["matrix.org".to_owned()])]);
    let own = Profile::parse("x.toml", &text, &given).unwrap();
    assert_eq!(own.third_party("matrix.org"), None);
    assert!(own.default_of("matrix.org").is_none());
    let other = Profile::parse("x.toml", &text, &Parameters::new()).unwrap();
    assert_eq!(other.third_party("matrix.org"), Some("M"));
}
