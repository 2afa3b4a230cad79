//! The map: the countries in which sources place recipients, a circle in the middle of each, as large as what was sent there.

use crate::attribution::{CountryCode, Outline, Point, WORLD_EDITION, World};
use crate::engine::view::Summary;
use crate::policy::{self, Lang, Listing, bytes};
use std::collections::BTreeMap;
use std::fmt::Write;

const WIDTH: f64 = 960.0;
/// Of width to height.
const SHAPE: f64 = 2.0;
/// Degrees of longitude that are drawn at least.
const NEAREST: f64 = 50.0;
/// Land without data centres is cut off: where the map begins and ends, in degrees.
const SOUTH: f64 = -58.0;
const NORTH: f64 = 82.0;
/// Room around the places, as a share of the width.
const MARGIN: f64 = 0.18;
/// Lines that are shorter than so many pixels are not drawn, and lines are not finer than this.
const SMALLEST: f64 = 3.0;
const FINEST: f64 = 0.7;

pub(super) struct Map {
    pub(super) width: String,
    pub(super) height: String,
    pub(super) land: String,
    pub(super) grid: String,
    pub(super) places: Vec<Spot>,
    /// Where the capture was made, if the auditor states it.
    pub(super) here: Option<Spot>,
    pub(super) caption: String,
}

pub(super) struct Spot {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) text_y: String,
    pub(super) r: String,
    pub(super) code: String,
    pub(super) label: String,
}

/// What a map shows of the earth: plate carrée, stretched so that the middle latitudes look right.
struct View {
    west: f64,
    north: f64,
    /// Pixels per degree.
    x_scale: f64,
    y_scale: f64,
    height: f64,
}

impl View {
    /// Holds all points.
    fn of(points: &[Point]) -> Self {
        let span = |of: fn(&Point) -> f64| {
            let (low, high) = points.iter().map(of).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
            (f64::midpoint(low, high), high - low)
        };
        let ((middle_x, wide), (middle_y, high)) = (span(|p| p.longitude), span(|p| p.latitude));
        // At 45 degrees a degree of longitude is 0.7 of one of latitude.
        let stretch = if middle_y.abs() > 25.0 { 1.4 } else { 1.2 };
        let wide = wide.max(high * SHAPE * stretch) * (1.0 + 2.0 * MARGIN);
        let wide = wide.clamp(NEAREST, 360.0);
        let x_scale = WIDTH / wide;
        let (y_scale, all) = (x_scale * stretch, NORTH - SOUTH);
        let tall = (wide / SHAPE / stretch).min(all);
        let west = (middle_x - wide / 2.0).clamp(-180.0, 180.0 - wide);
        let north = (middle_y + tall / 2.0).clamp(SOUTH + tall, NORTH);
        Self { west, north, x_scale, y_scale, height: tall * y_scale }
    }

    fn x(&self, longitude: f64) -> f64 {
        (longitude - self.west) * self.x_scale
    }

    fn y(&self, latitude: f64) -> f64 {
        (self.north - latitude) * self.y_scale
    }

    fn spot(&self, at: Point, r: f64, code: String, label: String) -> Spot {
        let (x, y) = (self.x(at.longitude), self.y(at.latitude));
        let [x, text_y, y, r] = [x, y - r - 4.0, y, r].map(|n| format!("{n:.1}"));
        Spot { x, y, text_y, r, code, label }
    }
}

/// Draws the map; nothing if no source names a country.
pub(super) fn draw(summary: &Summary, lang: Lang) -> Option<Map> {
    let mut sent: BTreeMap<CountryCode, u64> = BTreeMap::new();
    for r in summary.recipients.iter().filter(|r| r.listing != Listing::Local) {
        if let Some(claim) = &r.located_in {
            let sum = sent.entry(claim.value).or_default();
            *sum = sum.saturating_add(r.traffic.bytes_up);
        }
    }
    let world = World::embedded().ok()?;
    let middles = middles(&world.shapes(|code| sent.contains_key(&code)));
    let mut found: Vec<(CountryCode, u64, Point)> =
        sent.iter().filter_map(|(code, bytes)| Some((*code, *bytes, *middles.get(code)?))).collect();
    if found.is_empty() {
        return None;
    }
    // Large circles first: small ones lie on top.
    found.sort_by_key(|(_, bytes, _)| std::cmp::Reverse(*bytes));
    let here = summary.stated.as_ref().and_then(|stated| stated.place.as_ref());
    let stand = here.map(|place| Point { latitude: place.latitude, longitude: place.longitude });
    let stand = stand.filter(|p| (SOUTH..=NORTH).contains(&p.latitude) && (-180.0..=180.0).contains(&p.longitude));
    let points: Vec<Point> = found.iter().map(|(_, _, point)| *point).chain(stand).collect();
    let view = View::of(&points);
    let most = found.first().map_or(1, |(_, bytes, _)| (*bytes).max(1));
    let places = found.into_iter().map(|(code, sent, middle)| {
        let r = 5.0 + 15.0 * (sent as f64 / most as f64).sqrt();
        let label =
            format!("{}: {} {}", policy::country_name(code, lang), lang.pick("sent", "gesendet"), bytes(sent, lang));
        view.spot(middle, r, code.to_string(), label)
    });
    let missing = sent.keys().filter(|code| !middles.contains_key(code)).map(ToString::to_string).collect::<Vec<_>>();
    let mut caption = format!("{} {WORLD_EDITION}", lang.pick("Outlines:", "Umrisse:"));
    if stand.is_some() {
        caption
            .push_str(lang.pick("; ring: place of the capture, as stated", "; Ring: Ort der Aufzeichnung laut Angabe"));
    }
    if !missing.is_empty() {
        let not = lang.pick("not on the map:", "nicht auf der Karte:");
        let _ = write!(caption, "; {not} {}", missing.join(", "));
    }
    let label = lang.pick("place of the capture", "Ort der Aufzeichnung");
    Some(Map {
        width: format!("{WIDTH:.0}"),
        height: format!("{:.0}", view.height),
        land: land(&world, &view),
        grid: grid(&view),
        here: stand.map(|at| view.spot(at, 7.0, String::new(), label.to_owned())),
        places: places.collect(),
        caption,
    })
}

/// The middle of each country's largest outline.
fn middles(lines: &[Outline]) -> BTreeMap<CountryCode, Point> {
    let mut largest: BTreeMap<CountryCode, (f64, Point)> = BTreeMap::new();
    for outline in lines {
        let (area, middle) = middle(&outline.line);
        let known = largest.entry(outline.country).or_insert((0.0, middle));
        if area > known.0 {
            *known = (area, middle);
        }
    }
    largest.into_iter().map(|(code, (_, point))| (code, point)).collect()
}

/// Area and centroid of a closed line in the plane of the map.
fn middle(line: &[Point]) -> (f64, Point) {
    let (mut twice, mut x, mut y) = (0.0, 0.0, 0.0);
    for (a, b) in line.iter().zip(line.iter().cycle().skip(1)) {
        let cross = a.longitude.mul_add(b.latitude, -(b.longitude * a.latitude));
        twice += cross;
        x += (a.longitude + b.longitude) * cross;
        y += (a.latitude + b.latitude) * cross;
    }
    if twice.abs() < f64::EPSILON {
        return (0.0, line.first().copied().unwrap_or(Point { latitude: 0.0, longitude: 0.0 }));
    }
    let turn = |longitude: f64| if longitude > 180.0 { longitude - 360.0 } else { longitude };
    (twice.abs() / 2.0, Point { latitude: y / (3.0 * twice), longitude: turn(x / (3.0 * twice)) })
}

fn land(world: &World, view: &View) -> String {
    let mut path = String::new();
    for outline in world.lines(FINEST / view.x_scale, SMALLEST / view.x_scale) {
        // A line that runs over the date line is drawn at both edges.
        for shift in [0.0, -360.0] {
            let points: Vec<(f64, f64)> =
                outline.line.iter().map(|p| (view.x(p.longitude + shift), view.y(p.latitude))).collect();
            let inside = |&(x, y): &(f64, f64)| (0.0..=WIDTH).contains(&x) && (0.0..=view.height).contains(&y);
            if !points.iter().any(inside) {
                continue;
            }
            for (at, (x, y)) in points.iter().enumerate() {
                // Far beyond the edge nobody sees how far.
                let (x, y) = (x.clamp(-WIDTH, 2.0 * WIDTH), y.clamp(-WIDTH, 2.0 * WIDTH));
                let _ = write!(path, "{}{x:.0} {y:.0}", if at == 0 { 'M' } else { 'L' });
            }
            path.push('Z');
        }
    }
    path
}

fn grid(view: &View) -> String {
    let mut path = String::new();
    let step = if view.x_scale > 8.0 { 10 } else { 30 };
    for degree in (-180..=180).step_by(step) {
        let (x, y) = (view.x(f64::from(degree)), view.y(f64::from(degree)));
        if (0.0..=WIDTH).contains(&x) {
            let _ = write!(path, "M{x:.0} 0V{:.0}", view.height);
        }
        if (0.0..=view.height).contains(&y) {
            let _ = write!(path, "M0 {y:.0}H{WIDTH:.0}");
        }
    }
    path
}
