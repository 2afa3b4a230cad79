//! Where a capture was taken, and what the time an answer took says about where the answering host can stand.
//!
//! A signal is never faster than light in vacuum, so a short round trip excludes what lies farther. The bound has one
//! side: a long round trip excludes nothing, and none confirms a place.

use super::{AttributionError, CountryCode, Point, Source, World};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The cities that are compiled in.
static CITIES: &str = include_str!("../../geoip/cities.toml");

/// Kilometres that light goes in a millisecond of a round trip: there and back.
const LIGHT: f64 = 299.792_458 / 2.0;
/// The same in glass: the group index of standard single-mode fibre is 1.468 (ITU-T G.652 fibres at 1550 nm).
const FIBRE: f64 = LIGHT / 1.468;
/// What outlines at 1:50m and the sphere instead of the ellipsoid may be wrong by: km, and a share of the distance.
const MARGIN: (f64, f64) = (25.0, 0.006);
/// The place of a capture given by coordinates alone is known so well, in km.
const DEFAULT_RADIUS: f64 = 10.0;
/// Beyond it there is no statement left to make.
const MAX_RADIUS: f64 = 20_000.0;

/// The place of a capture: somewhere within `radius` km of a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Vantage {
    /// As the user wrote it, or the city's name.
    pub name: Box<str>,
    pub point: Point,
    /// In km.
    pub radius: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    radius: f64,
    cities: BTreeMap<Box<str>, Vec<City>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct City {
    names: Vec<Box<str>>,
    at: [f64; 2],
}

impl Vantage {
    /// Reads `Berlin`, `52.52,13.41`, and either with a radius in km behind it: `Berlin,5`, `52.52,13.41,5`.
    ///
    /// # Errors
    /// Neither a city of the table nor coordinates on the earth.
    pub fn parse(text: &str) -> Result<Self, AttributionError> {
        let wrong = |reason: &str| AttributionError::Vantage {
            text: crate::wire::Text::from(text).to_string().into(),
            reason: reason.into(),
        };
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let degrees = |text: &str| text.parse::<f64>().map_err(|_| wrong("a coordinate is not a number"));
        let (name, at, radius) = match *parts.as_slice() {
            [name] | [name, _] if name.parse::<f64>().is_err() => {
                let city = Self::city(name).ok_or_else(|| wrong("no city of the table has this name"))?;
                let radius = parts.get(1).map_or(Ok(city.radius), |r| r.parse());
                (city.name, [city.point.latitude, city.point.longitude], radius)
            }
            [latitude, longitude] | [latitude, longitude, _] => {
                let radius = parts.get(2).map_or(Ok(DEFAULT_RADIUS), |r| r.parse());
                (text.trim().into(), [degrees(latitude)?, degrees(longitude)?], radius)
            }
            _ => return Err(wrong("that is no place")),
        };
        let radius = radius.map_err(|_| wrong("the radius is not a number of km"))?;
        Self::new(&name, at, radius).ok_or_else(|| wrong("there is no such point, or the radius is not 0 to 20000 km"))
    }

    /// A city of the table, by any of its names.
    #[must_use]
    pub fn city(name: &str) -> Option<Self> {
        let file: File = toml::from_str(CITIES).ok()?;
        let same = |other: &str| other.to_lowercase() == name.trim().to_lowercase();
        let city = file.cities.into_values().flatten().find(|city| city.names.iter().any(|n| same(n)))?;
        Self::new(city.names.first()?, city.at, file.radius)
    }

    /// A place by coordinates `[latitude, longitude]` in degrees and a radius in km; `None` off the earth.
    #[must_use]
    pub fn new(name: &str, [latitude, longitude]: [f64; 2], radius: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        (on_earth && (0.0..=MAX_RADIUS).contains(&radius)).then(|| Self {
            name: name.into(),
            point: Point { latitude, longitude },
            radius,
        })
    }
}

/// How far answers can have come to a place of capture. Made once, read for every address.
#[derive(Debug)]
pub struct Horizon {
    pub vantage: Vantage,
    /// Countries, nearest first, and beside them what they need at least: km without the margins.
    countries: Vec<CountryCode>,
    distances: Vec<f64>,
    source: Arc<Source>,
}

/// The largest circle around a place of capture in which there is no land of some countries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Whose land ends it, and how far that is, in km.
    pub country: CountryCode,
    pub km: f64,
}

impl Horizon {
    /// # Errors
    /// Only if the outlines compiled in are broken, which the tests exclude.
    pub fn new(vantage: Vantage) -> Result<Self, AttributionError> {
        let world = World::embedded()?;
        let (countries, distances) = world.distances(vantage.point).into_iter().unzip();
        Ok(Self { vantage, countries, distances, source: super::world::source() })
    }

    /// The outlines that distances are taken from.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Countries in which a host that answered within `round_trip` nanoseconds cannot stand, because light does not come
    /// there and back in that time; nearest first. Countries without an outline are never among them.
    #[must_use]
    pub fn excluded(&self, round_trip: u64) -> &[CountryCode] {
        self.beyond(light_km(round_trip))
    }

    /// Countries that no fibre would reach in that time; those that are excluded are among them.
    #[must_use]
    pub fn implausible(&self, round_trip: u64) -> &[CountryCode] {
        self.beyond(millis(round_trip) * FIBRE)
    }

    fn beyond(&self, reach: f64) -> &[CountryCode] {
        let from = self.distances.partition_point(|&km| self.certain(km) <= reach);
        self.countries.get(from..).unwrap_or_default()
    }

    /// What is certain of a distance: less the margins and what is not known of the place of capture.
    fn certain(&self, km: f64) -> f64 {
        km - km * MARGIN.1 - MARGIN.0 - self.vantage.radius
    }

    /// The distance to the nearest land of a country in km.
    #[must_use]
    pub fn distance(&self, country: CountryCode) -> Option<f64> {
        let at = self.countries.iter().position(|&c| c == country)?;
        self.distances.get(at).copied()
    }

    /// The shortest round trip, in nanoseconds, in which a host in the country could answer from: anything shorter
    /// excludes it.
    #[must_use]
    pub fn needs(&self, country: CountryCode) -> Option<u64> {
        let km = self.certain(self.distance(country)?).max(0.0);
        Some(Duration::from_secs_f64(km / LIGHT / 1e3).as_nanos() as u64)
    }

    /// The nearest land for which `outside` holds. A smaller circle has none.
    #[must_use]
    pub fn circle(&self, outside: impl Fn(CountryCode) -> bool) -> Option<Circle> {
        let at = self.countries.iter().position(|&country| outside(country))?;
        Some(Circle { country: *self.countries.get(at)?, km: *self.distances.get(at)? })
    }

    /// Whether a host that answered within `round_trip` nanoseconds stands within the circle.
    #[must_use]
    pub fn is_within(&self, circle: &Circle, round_trip: u64) -> bool {
        light_km(round_trip) < self.certain(circle.km)
    }
}

/// How far away a host can stand at most that answered within `round_trip` nanoseconds, in km.
#[must_use]
pub fn light_km(round_trip: u64) -> f64 {
    millis(round_trip) * LIGHT
}

fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn code(text: &str) -> CountryCode {
        CountryCode::parse(text).unwrap()
    }

    fn exact(latitude: f64, longitude: f64) -> Horizon {
        Horizon::new(Vantage::new("here", [latitude, longitude], 0.0).unwrap()).unwrap()
    }

    #[test]
    fn the_speed_of_light_is_the_bound() {
        assert!((light_km(MS) - 149.896).abs() < 0.001);
        assert!((FIBRE - 102.11).abs() < 0.01);
        // Captured in Frankfurt: 5382 km to the United States are 35.9 ms at light speed and 52.7 ms in fibre.
        let frankfurt = exact(50.111, 8.682);
        let us = code("US");
        for (ms, excluded, implausible) in [(30, true, true), (45, false, true), (60, false, false), (95, false, false)]
        {
            assert_eq!(frankfurt.excluded(ms * MS).contains(&us), excluded, "{ms} ms");
            assert_eq!(frankfurt.implausible(ms * MS).contains(&us), implausible, "{ms} ms");
        }
        let needs = frankfurt.needs(us).unwrap();
        assert!((35 * MS..36 * MS).contains(&needs), "{needs}");
        assert!(
            frankfurt.excluded(needs - MS / 100).contains(&us) && !frankfurt.excluded(needs + MS / 100).contains(&us)
        );
    }

    #[test]
    fn nothing_excludes_the_country_of_the_capture_and_a_long_round_trip_excludes_nothing() {
        let file: File = toml::from_str(CITIES).unwrap();
        for (country, city) in file.cities.iter().flat_map(|(c, cities)| cities.iter().map(move |city| (c, city))) {
            let name = &city.names[0];
            let horizon = Horizon::new(Vantage::parse(name).unwrap()).unwrap();
            assert!(horizon.distance(code(country)).unwrap() < 5.0, "{name} lies in {country}");
            assert!(!horizon.excluded(0).contains(&code(country)), "{name}");
            assert!(horizon.excluded(0).len() > 150, "{name}");
            assert!(horizon.excluded(300 * MS).is_empty(), "{name}");
        }
        let mut names: Vec<_> =
            file.cities.values().flatten().flat_map(|c| &c.names).map(|n| n.to_lowercase()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a city stands there twice");
    }

    #[test]
    fn an_uncertain_place_of_capture_excludes_less() {
        let at = |radius| Horizon::new(Vantage::new("x", [50.111, 8.682], radius).unwrap()).unwrap();
        let us = code("US");
        let needs: Vec<_> = [0.0, 25.0, 500.0, 10_000.0].map(|r| at(r).needs(us).unwrap()).into();
        assert!(needs.windows(2).all(|pair| pair[1] < pair[0]), "{needs:?}");
        assert_eq!(needs[3], 0);
        assert!(at(10_000.0).excluded(0).iter().all(|c| *c != us), "as far as that, nothing is certain");
    }

    #[test]
    fn circles_without_foreign_land_are_those_of_the_published_table() {
        const EEA: &str =
            "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK AX";
        for (city, at, km, whose) in [
            ("Berlin", [52.52, 13.405], 463.0, "RU"),
            ("Hamburg", [53.551, 9.993], 561.0, "GB"),
            ("Koeln", [50.938, 6.960], 370.0, "CH"),
            ("Frankfurt", [50.111, 8.682], 260.0, "CH"),
            ("Muenchen", [48.137, 11.576], 157.0, "CH"),
            ("Bruxelles", [50.847, 4.352], 210.0, "GB"),
            ("Luxembourg", [49.611, 6.130], 246.0, "CH"),
            ("Paris", [48.857, 2.352], 251.0, "GB"),
            ("Wien", [48.208, 16.372], 318.0, "RS"),
        ] {
            let horizon = exact(at[0], at[1]);
            let outside = |country: CountryCode| !EEA.split(' ').any(|c| code(c) == country);
            let circle = horizon.circle(outside).unwrap();
            assert_eq!(circle.country, code(whose), "{city}");
            assert!((circle.km - km).abs() <= km * 0.01 + 0.5, "{city}: {} km, not {km}", circle.km);
            assert!(horizon.is_within(&circle, MS / 2), "{city}");
            assert!(!horizon.is_within(&circle, 10 * MS), "{city}");
        }
    }

    #[test]
    fn places_are_read_as_people_write_them() {
        for (text, name, latitude, radius) in [
            ("Berlin", "Berlin", 52.52, 25.0),
            ("munich", "München", 48.14, 25.0),
            ("MÜNCHEN, 5", "München", 48.14, 5.0),
            ("52.52,13.405", "52.52,13.405", 52.52, DEFAULT_RADIUS),
            (" -33.9 , 18.4 , 0 ", "-33.9 , 18.4 , 0", -33.9, 0.0),
        ] {
            let vantage = Vantage::parse(text).unwrap();
            assert_eq!((&*vantage.name, vantage.point.latitude, vantage.radius), (name, latitude, radius), "{text}");
        }
        for wrong in
            ["", ",", "Atlantis", "Berlin,x", "Berlin,-1", "91,0", "0,181", "1,2,3,4", "1", "nan,0", "0,inf", "1,2,nan"]
        {
            let error = Vantage::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("LATITUDE,LONGITUDE") && !error.contains('\n'), "{wrong}: {error}");
        }
        assert!(!Vantage::parse("\u{1b}[2J").unwrap_err().to_string().contains('\u{1b}'));
    }
}
