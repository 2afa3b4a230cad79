//! The outlines of all countries (Natural Earth, scale 1:50m): how far each is from a point, and what a map draws.

use super::{AttributionError, CountryCode, Source};
use crate::wire::Cursor;
use std::sync::Arc;

/// The table that is compiled in; `geoip/tools/build_world.py` makes it and says what stands where.
static EMBEDDED: (&str, &[u8]) = ("world.bin", include_bytes!("../../geoip/world.bin"));
const MAGIC: &[u8] = b"ZHWORLD1";

/// A test holds it against the bytes.
const SHA256: &str = "68b66662e8454a025ef6700f39d8dcecea47864cd98675edf8fcedc0d8b68607";

/// What a report that draws or measures with these outlines says of them.
pub const WORLD_EDITION: &str = "Natural Earth 4.1.0 (2018), 1:50m";

/// The mean radius of the earth in km (IUGG).
const EARTH_RADIUS: f64 = 6371.0088;

/// A place on the earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// -90 to 90, north is positive.
    pub latitude: f64,
    /// -180 to 180, east is positive. Lines of a map may run beyond, see [`World::lines`].
    pub longitude: f64,
}

/// Borders, each drawn once, and the countries made of them.
#[derive(Debug)]
pub struct World {
    arcs: Vec<Vec<Point>>,
    countries: Vec<Country>,
}

#[derive(Debug)]
struct Country {
    code: CountryCode,
    /// Closed lines, each of arcs by number, `!n` for arc `n` backwards. Land is what an odd number of them surrounds.
    rings: Vec<Vec<i64>>,
}

/// A closed line around land, for a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    pub country: CountryCode,
    /// Longitudes go on counting beyond 180 where the line crosses the date line: a map draws such a line a second time,
    /// 360 degrees further west.
    pub line: Vec<Point>,
}

impl World {
    /// The table that is compiled in. Takes about a millisecond: made where it is needed.
    ///
    /// # Errors
    /// Only if the file compiled in is broken, which the tests exclude.
    pub fn embedded() -> Result<Self, AttributionError> {
        Self::parse(EMBEDDED.1).ok_or_else(|| {
            AttributionError::table(EMBEDDED.0, "outlines", "cannot be read", "build it again with build_world.py")
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(Cursor::new(bytes));
        if input.0.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let (west, lon_step, south, lat_step) = (input.float()?, input.float()?, input.float()?, input.float()?);
        let point = |(x, y): (i64, i64)| Point {
            latitude: (y as f64).mul_add(lat_step, south),
            longitude: (x as f64).mul_add(lon_step, west),
        };
        let mut arcs = Vec::new();
        for _ in 0..input.number()? {
            let mut arc = Vec::new();
            let mut at = (0_i64, 0_i64);
            for _ in 0..input.number()? {
                at = (at.0.checked_add(input.difference()?)?, at.1.checked_add(input.difference()?)?);
                arc.push(point(at));
            }
            arcs.push(arc);
        }
        let mut countries = Vec::new();
        for _ in 0..input.number()? {
            let code = CountryCode::parse(std::str::from_utf8(input.0.take(2)?).ok()?)?;
            let mut rings = Vec::new();
            for _ in 0..input.number()? {
                let mut ring = Vec::new();
                for _ in 0..input.number()? {
                    let arc = input.difference()?;
                    arcs.get(usize::try_from(if arc < 0 { !arc } else { arc }).ok()?)?;
                    ring.push(arc);
                }
                rings.push(ring);
            }
            countries.push(Country { code, rings });
        }
        input.0.is_empty().then_some(Self { arcs, countries })
    }

    /// Every country and the distance in km from `point` to its nearest land, nearest first; 0 where the point lies in it.
    /// Overseas parts with codes of their own are told for themselves and with the country they belong to.
    #[must_use]
    pub fn distances(&self, point: Point) -> Vec<(CountryCode, f64)> {
        let here = vector(point);
        // An arc is the border of two countries: measured once.
        let arcs: Vec<f64> = self.arcs.iter().map(|arc| arc_distance(here, arc)).collect();
        let mut found: Vec<_> = self
            .countries
            .iter()
            .map(|country| {
                let nearest = country.rings.iter().flatten().filter_map(|&arc| arcs.get(index(arc)));
                let km = nearest.fold(f64::MAX, |a, &b| a.min(b));
                (country.code, if self.surrounds(country, point) { 0.0 } else { km })
            })
            .collect();
        found.sort_by(|(a, near), (b, far)| near.total_cmp(far).then(a.cmp(b)));
        found
    }

    /// Whether the point lies on land of the country: a line from it to the north pole crosses its borders oddly often.
    fn surrounds(&self, country: &Country, point: Point) -> bool {
        let mut inside = false;
        for arc in country.rings.iter().flatten().filter_map(|&arc| self.arcs.get(index(arc))) {
            for (from, to) in arc.iter().zip(arc.iter().skip(1)) {
                let (a, b) = (turn(from.longitude - point.longitude), turn(to.longitude - point.longitude));
                if (a > 0.0) == (b > 0.0) || (a - b).abs() > 180.0 {
                    continue;
                }
                let crossing = from.latitude + (to.latitude - from.latitude) * a / (a - b);
                inside ^= crossing > point.latitude;
            }
        }
        inside
    }

    /// The lines of a map: all that are at least `smallest` degrees high or wide, without the points that are less than
    /// `tolerance` degrees off the line that is left. The far south, where no server stands, is left out.
    #[must_use]
    pub fn lines(&self, tolerance: f64, smallest: f64) -> Vec<Outline> {
        let arcs: Vec<Vec<Point>> = self.arcs.iter().map(|arc| simplify(arc, tolerance)).collect();
        self.outlines(&arcs, smallest, |_| true)
    }

    /// The lines of some countries with all their points, as [`Self::lines`].
    #[must_use]
    pub fn shapes(&self, wanted: impl Fn(CountryCode) -> bool) -> Vec<Outline> {
        self.outlines(&self.arcs, 0.0, wanted)
    }

    fn outlines(&self, arcs: &[Vec<Point>], smallest: f64, wanted: impl Fn(CountryCode) -> bool) -> Vec<Outline> {
        let mut outlines = Vec::new();
        for country in self.countries.iter().filter(|country| wanted(country.code)) {
            for ring in &country.rings {
                let mut line: Vec<Point> = Vec::new();
                for &number in ring {
                    let Some(arc) = arcs.get(index(number)) else { continue };
                    let mut push = |point: &Point| {
                        let mut point = *point;
                        if let Some(last) = line.last() {
                            point.longitude = last.longitude + turn(point.longitude - last.longitude);
                        }
                        if line.last() != Some(&point) {
                            line.push(point);
                        }
                    };
                    if number < 0 { arc.iter().rev().for_each(&mut push) } else { arc.iter().for_each(&mut push) }
                }
                let span = |of: fn(&Point) -> f64| {
                    let (low, high) = line.iter().map(of).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
                    (low, high - low)
                };
                let ((south, height), (_, width)) = (span(|p| p.latitude), span(|p| p.longitude));
                if south > -60.0 && height.max(width) >= smallest && line.len() > 3 {
                    outlines.push(Outline { country: country.code, line });
                }
            }
        }
        outlines
    }
}

/// The outlines, as a source.
pub(super) fn source() -> Arc<Source> {
    Arc::new(Source { name: WORLD_EDITION.into(), date: "".into(), sha256: SHA256.into() })
}

/// Numbers of the table.
struct Input<'a>(Cursor<'a>);

impl Input<'_> {
    fn float(&mut self) -> Option<f64> {
        Some(f64::from_le_bytes(self.0.take(8)?.try_into().ok()?))
    }

    /// Unsigned LEB128.
    fn number(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = self.0.u8()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
            shift += 7;
        }
    }

    /// Zigzag: 0, -1, 1, -2 ...
    fn difference(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

fn index(arc: i64) -> usize {
    usize::try_from(if arc < 0 { !arc } else { arc }).unwrap_or(usize::MAX)
}

/// A difference of longitudes as the shorter turn, -180 to 180.
fn turn(degrees: f64) -> f64 {
    if degrees > 180.0 {
        degrees - 360.0
    } else if degrees <= -180.0 {
        degrees + 360.0
    } else {
        degrees
    }
}

/// From the centre of the earth, of length 1 unless it is a normal.
#[derive(Clone, Copy)]
struct Vector {
    x: f64,
    y: f64,
    z: f64,
}

fn vector(point: Point) -> Vector {
    let (lat, lon) = (point.latitude.to_radians(), point.longitude.to_radians());
    Vector { x: lat.cos() * lon.cos(), y: lat.cos() * lon.sin(), z: lat.sin() }
}

fn dot(a: Vector, b: Vector) -> f64 {
    a.x.mul_add(b.x, a.y.mul_add(b.y, a.z * b.z))
}

fn cross(a: Vector, b: Vector) -> Vector {
    Vector { x: a.y.mul_add(b.z, -(a.z * b.y)), y: a.z.mul_add(b.x, -(a.x * b.z)), z: a.x.mul_add(b.y, -(a.y * b.x)) }
}

/// The distance in km from a point to a line of great circles.
fn arc_distance(here: Vector, arc: &[Point]) -> f64 {
    let mut nearest = f64::MAX;
    let mut from: Option<Vector> = None;
    for &point in arc {
        let to = vector(point);
        nearest = nearest.min(angle(here, to));
        if let Some(from) = from {
            let normal = cross(from, to);
            let length = dot(normal, normal).sqrt();
            // The foot of the perpendicular lies between the ends of the segment: it is nearer than they are.
            if length > 0.0 && dot(cross(normal, from), here) > 0.0 && dot(cross(to, normal), here) > 0.0 {
                nearest = nearest.min((dot(normal, here) / length).abs().min(1.0).asin());
            }
        }
        from = Some(to);
    }
    // No point at all: as far as nothing is.
    if arc.is_empty() { f64::MAX } else { nearest * EARTH_RADIUS }
}

/// The angle between two unit vectors, exact for small ones too.
fn angle(a: Vector, b: Vector) -> f64 {
    let across = cross(a, b);
    dot(across, across).sqrt().atan2(dot(a, b))
}

/// Douglas and Peucker: of the points between two that stay, the farthest stays if it is far enough from their line.
fn simplify(line: &[Point], tolerance: f64) -> Vec<Point> {
    let mut keep = vec![false; line.len()];
    let mut spans = vec![(0, line.len().saturating_sub(1))];
    for end in [0, line.len().saturating_sub(1)] {
        if let Some(kept) = keep.get_mut(end) {
            *kept = true;
        }
    }
    while let Some((from, to)) = spans.pop() {
        let (Some(a), Some(b)) = (line.get(from), line.get(to)) else { continue };
        let shrink = a.latitude.to_radians().cos();
        let flat = |p: &Point| (turn(p.longitude - a.longitude) * shrink, p.latitude - a.latitude);
        let (x, y) = flat(b);
        let length = x.hypot(y);
        let mut farthest = (tolerance, 0);
        for (at, point) in line.iter().enumerate().take(to).skip(from + 1) {
            let (px, py) = flat(point);
            let off = if length > 0.0 { (x * py - y * px).abs() / length } else { px.hypot(py) };
            if off > farthest.0 {
                farthest = (off, at);
            }
        }
        if farthest.1 > 0 {
            if let Some(kept) = keep.get_mut(farthest.1) {
                *kept = true;
            }
            spans.extend([(from, farthest.1), (farthest.1, to)]);
        }
    }
    line.iter().zip(keep).filter(|(_, keep)| *keep).map(|(point, _)| *point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> CountryCode {
        CountryCode::parse(text).unwrap()
    }

    /// Distances in km that were computed independently from the same outlines; `-` where they were not.
    #[test]
    fn distances_are_those_of_the_published_table() {
        let cities = [
            ("Berlin", 52.52, 13.405),
            ("Frankfurt", 50.111, 8.682),
            ("Muenchen", 48.137, 11.576),
            ("Hamburg", 53.551, 9.993),
            ("Paris", 48.857, 2.352),
        ];
        let table = "US 5546 5382 5673 5291 5036
            CA 4014 4190 4464 3852 3968
            GB 788 527 806 561 251
            CH 617 260 157 650 372
            RU 463 885 896 636 1338
            UA 704 989 781 943 1448
            TR 1535 1643 1356 1781 2023
            IL 2771 2873 2579 3019 3224
            AE 4481 4661 4383 4736 5053
            IN 5092 5441 5262 5314 5916
            CN 4706 5079 4926 4915 5557
            HK 8722 9131 9032 8886 9599
            JP 8030 8435 8504 8065 8786
            SG 9902 10244 10048 10125 10715
            BR 7885 7461 7485 7773 7036
            ZA 8449 8291 8016 8624 8338
            AU 12621 12934 12706 12853 13388
            DE 0 0 0 0 -
            FR - - - - 0";
        let world = World::embedded().unwrap();
        for (column, (city, latitude, longitude)) in cities.into_iter().enumerate() {
            let found = world.distances(Point { latitude, longitude });
            for row in table.lines() {
                let cells: Vec<_> = row.split_whitespace().collect();
                let Ok(want) = cells[column + 1].parse::<f64>() else { continue };
                let (_, km) = found.iter().find(|(c, _)| *c == code(cells[0])).unwrap();
                assert!((km - want).abs() <= want * 0.01 + 0.5, "{city} to {}: {km} km, not {want}", cells[0]);
            }
        }
    }

    #[test]
    fn the_date_line_and_the_poles_are_no_edges() {
        let world = World::embedded().unwrap();
        let km = |country: &str, latitude: f64, longitude: f64| {
            world.distances(Point { latitude, longitude }).into_iter().find(|(c, _)| *c == code(country)).unwrap().1
        };
        // Chukotka lies on both sides of 180 degrees, and so does Fiji.
        assert!(km("RU", 68.0, 179.0) == 0.0 && km("RU", 67.0, -178.0) == 0.0);
        assert!(km("FJ", -17.8, 178.0) == 0.0 && km("FJ", -16.8, -179.9) < 10.0);
        // Attu is Aleutian: east of the date line the longitude is 173 degrees east.
        assert!(km("US", 52.9, 172.9) < 5.0);
        assert!(km("AQ", -89.0, 10.0) == 0.0 && km("AQ", -75.0, -170.0).abs() < 500.0);
        assert!((km("GL", 90.0, 0.0) - 712.0).abs() < 10.0, "the most northern land");
        assert!(km("DE", 52.52, 13.405) == 0.0 && km("DE", 52.52, 13.405 + 90.0) > 4000.0);
    }

    #[test]
    fn overseas_parts_stand_for_themselves_and_with_their_country() {
        let world = World::embedded().unwrap();
        let cayenne = world.distances(Point { latitude: 4.92, longitude: -52.32 });
        for country in ["FR", "GF"] {
            assert!(cayenne.iter().any(|(c, km)| *c == code(country) && *km < 5.0), "{country}");
        }
        for country in ["GP", "MQ", "RE", "YT", "BQ", "SJ", "GI", "XK", "MC", "SM", "LI", "AD", "MT", "VA"] {
            assert!(cayenne.iter().any(|(c, km)| *c == code(country) && *km > 100.0), "{country}");
        }
    }

    #[test]
    fn a_map_is_drawn_with_few_points() {
        let world = World::embedded().unwrap();
        let lines = world.lines(0.4, 1.5);
        let points: usize = lines.iter().map(|o| o.line.len()).sum();
        assert!((2_000..8_000).contains(&points), "{points} points");
        assert!(lines.iter().flat_map(|o| &o.line).all(|p| p.longitude.abs() <= 360.0 && p.latitude.abs() <= 90.0));
        for country in ["DE", "US", "RU", "BR", "AU", "IE", "IS"] {
            assert!(lines.iter().any(|o| o.country == code(country)), "{country}");
        }
        assert!(lines.iter().all(|o| o.country != code("AQ")));
        let steps = lines.iter().flat_map(|o| o.line.iter().zip(o.line.iter().skip(1)));
        assert!(steps.into_iter().all(|(a, b)| (a.longitude - b.longitude).abs() < 90.0), "no line across the map");
    }

    #[test]
    fn the_hash_is_that_of_the_table() {
        assert_eq!(&*super::super::table::sha256(EMBEDDED.1), SHA256);
    }

    #[test]
    fn a_broken_table_is_no_panic() {
        let bytes = EMBEDDED.1;
        for cut in [0, 7, 8, 39, 40, 41, 1000, bytes.len() / 2, bytes.len() - 1] {
            assert!(World::parse(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        let mut long = bytes.to_vec();
        long.push(0);
        assert!(World::parse(&long).is_none());
        let mut wild = bytes.to_vec();
        for at in (40..wild.len()).step_by(20_011) {
            wild[at] ^= 0xff;
            let _ = World::parse(&wild);
            wild[at] ^= 0xff;
        }
    }
}
