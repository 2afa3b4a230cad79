use super::*;

fn embedded() -> Regimes {
    Regimes::parse("jurisdictions.toml", include_str!("../data/jurisdictions.toml")).unwrap()
}

fn code(text: &str) -> CountryCode {
    CountryCode::parse(text).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

#[test]
fn the_law_of_a_country_is_that_of_the_day() {
    let regimes = embedded();
    for (country, on, token) in [
        ("US", "2015-10-05", "adequate_partial:us_safe_harbour"),
        ("US", "2015-10-06", "third_country:us_no_decision"),
        ("US", "2016-07-11", "third_country:us_no_decision"),
        ("US", "2016-07-12", "adequate_partial:us_privacy_shield"),
        ("US", "2018-06-01", "adequate_partial:us_privacy_shield"),
        ("US", "2020-03-01", "adequate_partial:us_privacy_shield"),
        ("US", "2020-07-15", "adequate_partial:us_privacy_shield"),
        ("US", "2020-07-16", "third_country:us_no_decision"),
        ("US", "2020-08-01", "third_country:us_no_decision"),
        ("US", "2021-02-18", "third_country:us_no_decision"),
        ("US", "2023-06-30", "third_country:us_no_decision"),
        ("US", "2023-07-09", "third_country:us_no_decision"),
        ("US", "2023-07-10", "adequate_partial:us_dpf"),
        ("US", "2023-08-01", "adequate_partial:us_dpf"),
        ("PR", "2023-08-01", "adequate_partial:us_dpf"),
        ("GB", "2020-01-31", "eea"),
        ("UK", "2020-01-31", "eea"),
        ("GB", "2020-02-01", "treated_as_eea"),
        ("GB", "2020-06-01", "treated_as_eea"),
        ("GB", "2021-03-01", "treated_as_eea"),
        ("GB", "2021-06-28", "adequate_full"),
        ("GB", "2021-07-01", "adequate_full"),
        ("GB", "2025-12-18", "adequate_full"),
        ("GB", "2026-05-01", "adequate_full"),
        ("GB", "2031-12-28", "third_country"),
        ("BR", "2026-01-25", "third_country"),
        ("BR", "2026-01-26", "adequate_partial"),
        ("CH", "2020-04-16", "adequate_full"),
        ("HU", "2000-07-25", "third_country"),
        ("HU", "2000-07-26", "adequate_full"),
        ("HU", "2004-05-01", "eea"),
        ("PL", "2004-04-30", "third_country"),
        ("RO", "2007-01-01", "eea"),
        ("GG", "2003-11-20", "third_country"),
        ("GG", "2003-11-21", "adequate_full"),
        ("IM", "2004-04-28", "adequate_full"),
        ("JE", "2008-05-08", "adequate_full"),
        ("FO", "2010-03-05", "adequate_full"),
        ("AD", "2010-10-19", "adequate_full"),
        ("UY", "2012-08-21", "adequate_full"),
        ("NZ", "2012-12-19", "adequate_full"),
        ("AR", "2003-06-30", "adequate_full"),
        ("SJ", "2020-01-01", "special"),
        ("GL", "2020-01-01", "special"),
        ("NC", "2020-01-01", "special"),
        ("AW", "2020-01-01", "third_country"),
        ("BM", "2022-01-01", "third_country"),
        ("MC", "2020-01-01", "third_country"),
        ("HK", "2020-01-01", "third_country"),
        ("QZ", "2020-01-01", "indeterminate"),
        ("T1", "2020-01-01", "indeterminate"),
        ("XX", "2020-01-01", "indeterminate"),
        ("JP", "2019-01-22", "third_country"),
        ("JP", "2019-01-23", "adequate_partial"),
        ("CA", "2020-04-16", "adequate_partial"),
        ("IL", "2020-04-16", "adequate_partial"),
        ("KR", "2021-12-16", "third_country"),
        ("KR", "2021-12-17", "adequate_partial"),
        ("NO", "2018-06-01", "eea"),
        ("DE", "2016-01-01", "eea"),
        ("HR", "2013-06-30", "third_country"),
        ("IN", "2026-01-01", "third_country"),
        ("XK", "2020-01-01", "third_country"),
        ("GP", "2020-01-01", "eea"),
        ("BL", "2020-01-01", "special"),
        ("GI", "2020-06-01", "treated_as_eea"),
        ("GI", "2021-02-01", "third_country"),
        ("EU", "2020-01-01", "indeterminate"),
        ("AP", "2020-01-01", "indeterminate"),
        ("ZZ", "2020-01-01", "indeterminate"),
        ("A1", "2020-01-01", "indeterminate"),
        ("DE", "1970-01-01", "indeterminate"),
        ("US", "1998-10-23", "indeterminate"),
    ] {
        assert_eq!(regimes.on(code(country), day(on)).token(), token, "{country} on {on}");
    }
    assert!(regimes.on(code("US"), day("2020-04-16")).is_united_states());
    assert!(!regimes.on(code("CA"), day("2020-04-16")).is_united_states());
}

#[test]
fn the_law_note_is_one_plain_sentence_per_regime() {
    let regimes = embedded();
    assert_eq!(
        regimes.law_note(code("US"), day("2020-04-16"), day("2020-04-16"), Lang::En),
        "On 2020-04-16: Privacy Shield, Decision (EU) 2016/1250, in force 2016-07-12 to 2020-07-15, for certified \
         organisations only; annulled later by C-311/18 (Schrems II) (jurisdictions.toml of 2026-11-22)."
    );
    assert_eq!(
        regimes.law_note(code("US"), day("2020-07-15"), day("2020-07-17"), Lang::De),
        "Am 2020-07-15: Privacy Shield, Beschluss (EU) 2016/1250, in Kraft von 2016-07-12 bis 2020-07-15, nur für \
         zertifizierte Organisationen; später für ungültig erklärt durch C-311/18 (Schrems II) (jurisdictions.toml vom \
         2026-11-22). Von 2020-07-16 bis 2020-07-17: kein Angemessenheitsbeschluss; Privacy Shield war am 2020-07-16 durch \
         C-311/18 für ungültig erklärt, das Data Privacy Framework noch nicht erlassen (jurisdictions.toml vom 2026-11-22)."
    );
    assert_eq!(
        regimes.law_note(code("JP"), day("2019-01-01"), day("2019-01-23"), Lang::En),
        "From 2019-01-01 to 2019-01-22: no adequacy decision (jurisdictions.toml of 2026-11-22). On 2019-01-23: Decision (EU) \
         2019/419, in force since 2019-01-23, only for business operators under the Japanese act APPI with its supplementary \
         rules (jurisdictions.toml of 2026-11-22)."
    );
    assert_eq!(
        regimes.law_note(code("EU"), day("2020-01-01"), day("2020-01-01"), Lang::En),
        "On 2020-01-01: the code EU stands for no country (jurisdictions.toml of 2026-11-22)."
    );
    assert!(
        regimes.law_note(code("CH"), day("2030-01-01"), day("2030-01-01"), Lang::En).contains("older than this day")
    );
    // A capture whose clock jumps over a century still gives a bounded note.
    let long = regimes.law_note(code("US"), Day(0), Day(u32::MAX), Lang::En);
    assert!(long.starts_with("From 1970-01-01 to 1998-10-23: the table begins on 1998-10-24"));
    assert!(long.len() < 3000, "{long}");
    assert_eq!(regimes.law_note(code("US"), day("2020-04-16"), day("2019-04-16"), Lang::En).matches("On ").count(), 1);
}

#[test]
fn every_country_of_the_union_is_in_force_today_and_every_row_has_its_source() {
    let regimes = embedded();
    let eu = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO";
    for member in eu.split(' ') {
        let regime = regimes.on(code(member), regimes.edition());
        assert_eq!(regime.status, Status::Eea, "{member}");
        assert_eq!(regime.until(), None);
    }
    let (rows, unverified) = regimes.facts();
    assert!(rows > 35 && unverified < rows);
    assert_eq!(regimes.source().sha256.len(), 64);
}

#[test]
fn a_bad_table_is_refused_with_place_and_cure() {
    let head = "edition = 2026-01-01\nbegins = 1998-10-24\n[sources]\nK = { title = \"k\", read = 2026-01-01 }\n";
    let good = "instrument = { en = \"a\", de = \"b\" }\nsource = \"K\"\n";
    for (rows, says) in [
        (format!("[[row]]\ncodes = [\"EU\"]\nstatus = \"eea\"\nfrom = 2018-01-01\n{good}"), "`EU` is no country"),
        (format!("[[row]]\ncodes = []\nstatus = \"eea\"\nfrom = 2018-01-01\n{good}"), "codes is empty"),
        (
            format!("[[row]]\ncodes = [\"DE\"]\nstatus = \"eea\"\nfrom = 2018-01-01\nuntil = 2018-01-01\n{good}"),
            "not after",
        ),
        (format!("[[row]]\ncodes = [\"DE\"]\nstatus = \"safe\"\nfrom = 2018-01-01\n{good}"), "unknown variant `safe`"),
        (
            format!("[[row]]\ncodes = [\"DE\"]\nstatus = \"adequate_partial\"\nfrom = 2018-01-01\n{good}"),
            "needs a scope",
        ),
        (
            "[[row]]\ncodes = [\"DE\"]\nstatus = \"eea\"\nfrom = 2018-01-01\nsource = \"K\"\n".into(),
            "instrument is missing",
        ),
        (
            "[[row]]\ncodes = [\"DE\"]\nstatus = \"third_country\"\nfrom = 2018-01-01\nsource = \"X\"\n".into(),
            "source `X`",
        ),
        (
            format!("[[row]]\ncodes = [\"DE\"]\nstatus = \"eea\"\nfrom = 2018-01-01\n{good}").repeat(2),
            "rows 1 and 2 hold on the same day",
        ),
    ] {
        let said = Regimes::parse("own.toml", &format!("{head}{rows}")).unwrap_err().to_string();
        assert!(said.contains(says) && said.starts_with("own.toml: "), "{said}");
    }
}
