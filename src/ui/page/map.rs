//! The world with the places of the recipients, drawn from dots. A place is what databases say of an address: a country, and
//! never more exact than that.

#![allow(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "places on a screen, clamped to it")]

use super::super::paint::Paint;
use super::super::theme::Role;
use super::super::view::View;
use crate::attribution::{CountryCode, World};
use crate::engine::view::Summary;
use crate::policy::Listing;
use crate::report::format::{bytes, number, width};
use ratatui::layout::Rect;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The part of the world where servers stand, in degrees.
const NORTH: f64 = 74.0;
const SOUTH: f64 = -56.0;
const WEST: f64 = -168.0;
const EAST: f64 = 192.0;
/// Outlines are drawn without points that lie this close to the line, and without islands smaller than that, in degrees.
const TOLERANCE: f64 = 0.35;
const SMALLEST: f64 = 2.5;

/// The land of each country as closed lines, and the middle of each.
struct Atlas {
    countries: Vec<Vec<Vec<(f64, f64)>>>,
    middles: BTreeMap<CountryCode, (f64, f64)>,
}

/// The outlines are compiled in; they are read once.
fn atlas() -> &'static Atlas {
    static ATLAS: OnceLock<Atlas> = OnceLock::new();
    ATLAS.get_or_init(|| {
        let Ok(world) = World::embedded() else { return Atlas { countries: Vec::new(), middles: BTreeMap::new() } };
        let points = |line: &[crate::attribution::Point]| -> Vec<(f64, f64)> {
            line.iter().map(|point| (point.longitude, point.latitude)).collect()
        };
        let mut largest: BTreeMap<CountryCode, (f64, (f64, f64))> = BTreeMap::new();
        for outline in world.shapes(|_| true) {
            let (area, middle) = middle(&points(&outline.line));
            let known = largest.entry(outline.country).or_insert((area, middle));
            if area > known.0 {
                *known = (area, middle);
            }
        }
        let mut countries: BTreeMap<CountryCode, Vec<Vec<(f64, f64)>>> = BTreeMap::new();
        for outline in world.lines(TOLERANCE, SMALLEST) {
            countries.entry(outline.country).or_default().push(points(&outline.line));
        }
        Atlas {
            countries: countries.into_values().collect(),
            middles: largest.into_iter().map(|(country, (_, middle))| (country, middle)).collect(),
        }
    })
}

/// Area and centroid of a closed line in the plane: near enough for a dot on a map.
fn middle(line: &[(f64, f64)]) -> (f64, (f64, f64)) {
    let (mut area, mut x, mut y) = (0.0, 0.0, 0.0);
    for (a, b) in line.iter().zip(line.iter().cycle().skip(1)) {
        let cross = a.0 * b.1 - b.0 * a.1;
        area += cross;
        x += (a.0 + b.0) * cross;
        y += (a.1 + b.1) * cross;
    }
    if area.abs() < 1e-9 {
        return (0.0, line.first().copied().unwrap_or_default());
    }
    (area.abs() / 2.0, (x / (3.0 * area), y / (3.0 * area)))
}

/// A raster of dots: two by four in a character of braille, one in a character of ASCII.
struct Dots {
    wide: usize,
    high: usize,
    set: Vec<bool>,
}

impl Dots {
    fn new(wide: usize, high: usize) -> Self {
        Self { wide, high, set: vec![false; wide * high] }
    }

    /// Where a place is, in dots; the world goes round.
    fn place(&self, (longitude, latitude): (f64, f64)) -> (f64, f64) {
        let x = (longitude - WEST) / (EAST - WEST) * self.wide as f64;
        let y = (NORTH - latitude) / (NORTH - SOUTH) * self.high as f64;
        (x, y)
    }

    fn dot(&mut self, x: usize, y: usize) {
        if let Some(dot) = self.set.get_mut(y * self.wide + x).filter(|_| x < self.wide) {
            *dot = true;
        }
    }

    /// Sets the dots that lie on the land of a country: between every other of the lines that a row of dots crosses.
    fn land(&mut self, rings: &[Vec<(f64, f64)>], crossings: &mut [Vec<f64>]) {
        crossings.iter_mut().for_each(Vec::clear);
        for ring in rings {
            let places: Vec<(f64, f64)> = ring.iter().map(|point| self.place(*point)).collect();
            for (a, b) in places.iter().zip(places.iter().cycle().skip(1)) {
                // Rows are crossed in the middle of their dots.
                let row = |y: f64| (y - 0.5).ceil().clamp(0.0, self.high as f64) as usize;
                for at in row(a.1.min(b.1))..row(a.1.max(b.1)) {
                    let part = (at as f64 + 0.5 - a.1) / (b.1 - a.1);
                    if let Some(row) = crossings.get_mut(at) {
                        row.push(a.0 + part * (b.0 - a.0));
                    }
                }
            }
        }
        for (y, row) in crossings.iter_mut().enumerate() {
            row.sort_unstable_by(f64::total_cmp);
            for pair in row.chunks_exact(2) {
                if let [from, until] = *pair {
                    // What is beyond an edge is at the other one.
                    let (from, until) = ((from - 0.5).ceil() as i64, (until - 0.5).floor() as i64);
                    for x in from..=until.min(from + self.wide as i64) {
                        self.dot(x.rem_euclid(self.wide.max(1) as i64) as usize, y);
                    }
                }
            }
        }
    }

    fn at(&self, x: usize, y: usize) -> bool {
        x < self.wide && self.set.get(y * self.wide + x).copied().unwrap_or(false)
    }

    /// The character of braille for a cell of two by four dots (Unicode 15, §21.1).
    fn braille(&self, x: usize, y: usize) -> char {
        const BITS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        let mut code = 0x2800;
        for (dx, column) in BITS.iter().enumerate() {
            for (dy, bit) in column.iter().enumerate() {
                if self.at(2 * x + dx, 4 * y + dy) {
                    code |= bit;
                }
            }
        }
        char::from_u32(code).unwrap_or(' ')
    }
}

/// What stands in one country.
#[derive(Debug)]
struct Spot {
    country: CountryCode,
    recipients: u64,
    sent: u64,
    /// The groups that are there, that which deserves most attention first.
    groups: Vec<Listing>,
}

impl Spot {
    fn gravest(&self) -> Listing {
        self.groups.first().copied().unwrap_or(Listing::Unjudged)
    }
}

/// Groups in the order of attention.
const fn attention(listing: Listing) -> u8 {
    match listing {
        Listing::NotListed => 0,
        Listing::Unjudged => 1,
        Listing::Subprocessor => 2,
        Listing::Service => 3,
        Listing::Background => 4,
        Listing::Local => 5,
    }
}

/// Countries with recipients, those that were sent most first; and how many recipients have no place.
fn spots(summary: &Summary) -> (Vec<Spot>, u64) {
    let mut spots: BTreeMap<CountryCode, Spot> = BTreeMap::new();
    let mut nowhere = 0;
    for recipient in summary.recipients.iter().filter(|r| r.listing != Listing::Local) {
        let Some(claim) = &recipient.located_in else {
            nowhere += 1;
            continue;
        };
        let spot = spots.entry(claim.value).or_insert(Spot {
            country: claim.value,
            recipients: 0,
            sent: 0,
            groups: Vec::new(),
        });
        spot.recipients += 1;
        spot.sent = spot.sent.saturating_add(recipient.traffic.bytes_up);
        if !spot.groups.contains(&recipient.listing) {
            spot.groups.push(recipient.listing);
        }
    }
    let mut spots: Vec<Spot> = spots.into_values().collect();
    for spot in &mut spots {
        spot.groups.sort_by_key(|listing| attention(*listing));
    }
    spots.sort_by_key(|spot| (Reverse(spot.sent), spot.country));
    (spots, nowhere)
}

/// Draws a heading, the map, and what stands where in words.
pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, view: &View) {
    let lang = view.look.lang;
    let summary = &view.picture.summary;
    let databases = lang.pick("countries as databases say", "Länder laut Datenbanken");
    paint.heading(Rect { height: 1, ..area }, lang.pick("Where", "Wo"), databases);
    let (spots, nowhere) = spots(summary);
    let words = in_words(view, &spots, nowhere);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let needs = super::super::paint::wrap(&words, inner.width.into(), inner.width.into()).len() as u16;
    let below = needs.min((area.height / 3).max(1));
    let map = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + below), ..area };
    land(paint, map);
    dots(paint, map, view, &spots);
    paint.paragraph(Rect { y: map.bottom(), height: below, ..inner }, 0, Role::Plain, &words);
}

/// `US ■○ 6: 137.4 kB`, most sent first, and those that have no place. No part is broken between lines.
fn in_words(view: &View, spots: &[Spot], nowhere: u64) -> String {
    let lang = view.look.lang;
    let mut parts: Vec<String> = spots
        .iter()
        .map(|spot| {
            let signs: String = spot.groups.iter().map(|listing| view.look.listing_sign(*listing)).collect();
            format!("{} {signs} {}: {}", spot.country, number(spot.recipients, lang), bytes(spot.sent, lang))
        })
        .collect();
    if nowhere > 0 {
        parts.push(format!("{}: {}", lang.pick("place not known", "Ort nicht bekannt"), number(nowhere, lang)));
    }
    for part in &mut parts {
        *part = part.replace(' ', "\u{a0}");
    }
    if parts.is_empty() { lang.pick("nobody so far", "noch niemand").to_owned() } else { parts.join("\u{a0} ") }
}

/// The part of the area that the map takes, so that the world is not stretched: a degree is as wide as it is high at the
/// latitude of Europe, where most of what is drawn stands; a character is about twice as high as it is wide.
fn frame(area: Rect) -> Rect {
    let shape = (EAST - WEST) / (NORTH - SOUTH) * 2.0 * 0.82;
    let wide = (f64::from(area.height) * shape) as u16;
    if wide <= area.width {
        Rect { x: area.x + (area.width - wide) / 2, width: wide, ..area }
    } else {
        let high = ((f64::from(area.width) / shape).round() as u16).clamp(1, area.height.max(1));
        Rect { y: area.y + (area.height - high.min(area.height)) / 2, height: high.min(area.height), ..area }
    }
}

fn land(paint: &mut Paint<'_>, area: Rect) {
    let area = frame(area);
    let (across, down) = if paint.look.ascii { (1, 1) } else { (2, 4) };
    let mut dots = Dots::new(usize::from(area.width) * across, usize::from(area.height) * down);
    let mut crossings = vec![Vec::new(); dots.high];
    for country in &atlas().countries {
        dots.land(country, &mut crossings);
    }
    let mut text = [0; 4];
    for y in 0..area.height {
        for x in 0..area.width {
            let (cell_x, cell_y) = (usize::from(x), usize::from(y));
            let sign = if paint.look.ascii {
                if dots.at(cell_x, cell_y) { '.' } else { ' ' }
            } else {
                dots.braille(cell_x, cell_y)
            };
            if sign != ' ' && sign != '\u{2800}' {
                paint.glyph(area.x + x, area.y + y, Role::Line, sign.encode_utf8(&mut text));
            }
        }
    }
}

/// A sign per country and, where there is room, its code.
fn dots(paint: &mut Paint<'_>, area: Rect, view: &View, spots: &[Spot]) {
    let area = frame(area);
    let raster = Dots::new(area.width.into(), area.height.into());
    let mut taken: Vec<(u16, u16)> = Vec::new();
    let mut placed: Vec<(&Spot, u16, u16)> = Vec::new();
    let mut by_attention: Vec<&Spot> = spots.iter().collect();
    by_attention.sort_by_key(|spot| (attention(spot.gravest()), Reverse(spot.sent)));
    for spot in by_attention {
        let Some(middle) = atlas().middles.get(&spot.country) else { continue };
        let (x, y) = raster.place(*middle);
        let (x, y) = (x.rem_euclid(raster.wide.max(1) as f64), y);
        if y < 0.0 || y as u16 >= area.height {
            continue;
        }
        let (x, y) = (area.x + x as u16, area.y + y as u16);
        // Neighbours may fall on one character: then the graver one is seen there, the other in the words below.
        if !taken.contains(&(x, y)) {
            taken.push((x, y));
            placed.push((spot, x, y));
        }
    }
    for (spot, x, y) in &placed {
        paint.glyph(*x, *y, Role::Group(spot.gravest()), view.look.listing_sign(spot.gravest()));
    }
    for (spot, x, y) in &placed {
        let code = spot.country.as_str();
        let wide = width(code) as u16;
        let rows = [*y, y.saturating_sub(1), y + 1];
        let beside = rows.into_iter().flat_map(|row| [Some(x + 1), x.checked_sub(wide)].map(|column| (column, row)));
        let fits = |column: u16, row: u16| {
            column >= area.left()
                && column + wide <= area.right()
                && (area.top()..area.bottom()).contains(&row)
                && (column..column + wide).all(|at| !taken.contains(&(at, row)))
        };
        let free = beside.filter_map(|(column, row)| Some((column?, row))).find(|(column, row)| fits(*column, *row));
        if let Some((column, row)) = free {
            paint.text(column, row, wide, Role::Strong, code);
            taken.extend((column..column + wide).map(|at| (at, row)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the country in which a dot is expected, within a few degrees.
    #[test]
    fn countries_have_their_dot_where_they_are() {
        for (code, longitude, latitude) in
            [("DE", 10.4, 51.1), ("US", -99.0, 39.5), ("SG", 103.8, 1.3), ("JP", 138.0, 36.0), ("NZ", 171.0, -44.0)]
        {
            let code = CountryCode::parse(code).unwrap();
            let (x, y) = atlas().middles[&code];
            assert!((x - longitude).abs() < 6.0 && (y - latitude).abs() < 4.0, "{code}: {x}, {y}");
        }
        let (middles, countries) = (atlas().middles.len(), atlas().countries.len());
        assert!(middles > 180 && countries > 100, "{middles} middles, {countries} with land that is drawn");
    }

    #[test]
    fn braille_dots_stand_where_they_were_set() {
        let mut dots = Dots::new(4, 4);
        dots.dot(0, 0);
        dots.dot(3, 3);
        dots.dot(9, 0);
        assert_eq!((dots.braille(0, 0), dots.braille(1, 0)), ('⠁', '⢀'));
    }
}
