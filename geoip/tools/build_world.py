"""Build world.bin, the outlines of all countries, from Natural Earth as TopoJSON.
usage: build_world.py OUT.bin countries-50m.json countries-10m.json codes.json
The small territories that 1:50m leaves out are taken from 1:10m; codes.json has rows [alpha-2, alpha-3, numeric].

OUT: "ZHWORLD1"; lon0 lon_step lat0 lat_step as little-endian f64; then unsigned LEB128 numbers: count of arcs; each
arc: count of points, then zigzag differences of lon and lat on the grid, the first from 0, 0; count of countries; each:
its two letters, count of rings, each ring: count of arcs, then the zigzag number of each arc, ~n for arc n backwards."""
import json, struct, sys

# What has no ISO number stands with everybody who may be meant by it: a country is excluded only as a whole.
NAMED = {"Kosovo": ["XK", "RS"], "N. Cyprus": ["CY"], "Somaliland": ["SO"], "Siachen Glacier": ["IN", "PK"],
         "Akrotiri": ["CY", "GB"], "Dhekelia": ["CY", "GB"], "Cyprus U.N. Buffer Zone": ["CY"]}
# Parts with codes of their own that Natural Earth draws with the country they belong to: (code, west, south, east, north).
PARTS = {"FR": [("GF", -55, 1, -51, 6.5), ("GP", -62, 15.7, -60.9, 16.7), ("MQ", -61.4, 14.2, -60.7, 15.1),
                ("RE", 55, -21.6, 56, -20.7), ("YT", 44.9, -13.2, 45.5, -12.4)],
         "NL": [("BQ", -70, 11, -62, 18.5)], "NO": [("SJ", -11, 70, 36, 82), ("BV", 3, -55, 4, -54)],
         "NZ": [("TK", -173, -10, -171, -8)],
         "Indian Ocean Ter.": [("CX", 105, -11, 106, -10), ("CC", 96, -13, 97.5, -11)]}
# Svalbard and Jan Mayen reach down to the latitude of the mainland's north cape: told apart by longitude there.
def in_box(points, box):
    code, west, south, east, north = box
    if code == "SJ" and not all(y > 74 or x < -5 for x, y in points):
        return False
    return all(west <= x <= east and south <= y <= north for x, y in points)

class Topology:
    def __init__(self, path):
        d = json.load(open(path))
        (self.sx, self.sy), (self.tx, self.ty) = d["transform"]["scale"], d["transform"]["translate"]
        self.arcs = []
        for arc in d["arcs"]:
            x = y = 0
            out = []
            for dx, dy in arc:
                x, y = x + dx, y + dy
                out.append((x, y))
            self.arcs.append(out)
        self.features = d["objects"]["countries"]["geometries"]

    def degrees(self, point):
        return point[0] * self.sx + self.tx, point[1] * self.sy + self.ty

    def ring(self, ring):
        return [self.degrees(p) for n in ring for p in self.arcs[n if n >= 0 else ~n]]

def rings(feature):
    polygons = {"Polygon": lambda a: [a], "MultiPolygon": lambda a: a}[feature["type"]](feature["arcs"])
    return [ring for polygon in polygons for ring in polygon]

def varint(n):
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)

def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)

def main(out, fifty, ten, codes):
    alpha = {row[2]: row[0] for row in json.load(open(codes))}
    base, fine = Topology(fifty), Topology(ten)
    arcs = list(base.arcs)
    countries = {}
    def add(topology, feature, renumber):
        name = feature["properties"]["name"]
        owners = NAMED.get(name, []) if "id" not in feature else [alpha[feature["id"]]]
        for ring in rings(feature):
            points = topology.ring(ring)
            parts = PARTS.get(owners[0] if owners else name, [])
            own = [box[0] for box in parts if in_box(points, box)]
            for code in dict.fromkeys(owners + own):
                countries.setdefault(code, []).append([renumber(n) for n in ring])
    for feature in base.features:
        # Reefs without inhabitants, 300 km off the coast.
        if feature["properties"]["name"] != "Ashmore and Cartier Is.":
            add(base, feature, lambda n: n)
    moved = {}
    def move(n):
        """The number here of an arc of the fine topology, on the grid of the other."""
        at = n if n >= 0 else ~n
        if at not in moved:
            grid = [(round((x - base.tx) / base.sx), round((y - base.ty) / base.sy)) for x, y in map(fine.degrees, fine.arcs[at])]
            arcs.append([p for i, p in enumerate(grid) if i == 0 or p != grid[i - 1]])
            moved[at] = len(arcs) - 1
        return moved[at] if n >= 0 else ~moved[at]
    have = set(countries)
    for feature in fine.features:
        name = feature["properties"]["name"]
        code = alpha.get(feature.get("id"))
        if (code and code not in have and feature["type"]) or (name in NAMED and not code and name not in
                [f["properties"]["name"] for f in base.features]):
            add(fine, feature, move)
    used = sorted({n if n >= 0 else ~n for rs in countries.values() for ring in rs for n in ring})
    number = {n: i for i, n in enumerate(used)}
    data = bytearray(b"ZHWORLD1" + struct.pack("<4d", base.tx, base.sx, base.ty, base.sy))
    data += varint(len(used))
    for n in used:
        data += varint(len(arcs[n]))
        x = y = 0
        for px, py in arcs[n]:
            data += zigzag(px - x) + zigzag(py - y)
            x, y = px, py
    data += varint(len(countries))
    for code in sorted(countries):
        data += code.encode() + varint(len(countries[code]))
        for ring in countries[code]:
            data += varint(len(ring))
            for n in ring:
                data += zigzag(number[n] if n >= 0 else ~number[~n])
    open(out, "wb").write(data)
    print(out, len(data), "bytes,", len(used), "arcs,", sum(len(arcs[n]) for n in used), "points,", len(countries), "codes;",
          "without outline:", " ".join(sorted(set(alpha.values()) - set(countries))) or "none")

if __name__ == "__main__":
    main(*sys.argv[1:])
