//! The superuser's way to join a client's network to this machine's: a pair of veth(4) interfaces and address translation,
//! in a table of its own. It changes this machine while it lasts, so everything is undone by a process that ends with the
//! program, however that ends.

use super::isolate::{INTERFACE, find_program};
use crate::wire::Text;
use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names of interfaces and tables begin so; the number of the process follows.
const LINK: &str = "zoll";
const TABLE: &str = "zollhund_";

/// Sets everything up once told to, and undoes it when nobody holds its input open any more; its status says whether all of
/// it. Interfaces whose forwarding was off stand in the set `off` of the table: another client that still needs it leaves
/// it on.
pub(super) const SCRIPT: &str = r#"
set -f
read -r go || exit 0
exec 3<&0 </dev/null
pid=$1 ip=$2 nft=$3 nsenter=$4 host=$5 client=$6 mtu=$7 rules=$8
shift 8
link=zoll$pid table=zollhund_$pid status=0
inside() { "$nsenter" --net="/proc/$pid/ns/net" "$ip" "$@"; }
forward() {
  for dev; do echo 1 > "/proc/sys/net/ipv4/conf/$dev/forwarding" || return 1; done
}
undo() {
  trap '' HUP INT TERM
  "$nft" delete table ip "$table" || status=1
  "$ip" link del "$link" 2>/dev/null
  if "$ip" link show "$link" >/dev/null 2>&1; then status=1; echo "$link is still there" >&2; fi
  for dev; do
    [ -e "/proc/sys/net/ipv4/conf/$dev" ] || continue
    "$nft" list sets ip 2>/dev/null | grep -qF "\"$dev\"" && continue
    echo 0 > "/proc/sys/net/ipv4/conf/$dev/forwarding" || status=1
  done
}
trap 'undo "$@"; exit 1' HUP INT TERM
printf '%s\n' "$rules" | "$nft" -f - &&
  "$ip" link add "$link" type veth peer name tap0 netns "$pid" &&
  { "$ip" link set "$link" gso_max_segs 1; inside link set tap0 gso_max_segs 1; } &&
  "$ip" link set "$link" mtu "$mtu" &&
  inside link set tap0 mtu "$mtu" &&
  "$ip" addr add "$host" dev "$link" &&
  "$ip" link set "$link" up &&
  forward "$link" "$@" &&
  inside link set lo up &&
  inside addr add "$client" dev tap0 &&
  inside link set tap0 up &&
  inside route add default via "${host%/*}" || { undo "$@" 2>/dev/null; exit 1; }
cat <&3 >/dev/null
undo "$@"
exit "$status"
"#;

/// Programs that it needs and that are not installed.
#[must_use]
pub fn missing_for_nat() -> Vec<&'static str> {
    PROGRAMS.into_iter().filter(|name| find_program(name).is_none()).collect()
}

const PROGRAMS: [&str; 3] = ["ip", "nft", "nsenter"];

/// What is changed on this machine.
#[derive(Debug)]
pub(super) struct Nat {
    programs: Vec<PathBuf>,
    host: Ipv4Addr,
    client: Ipv4Addr,
    /// As on the way out: of larger packets nobody would be told where replies to "fragmentation needed" are lost.
    mtu: u32,
    /// Interfaces that forward nothing otherwise.
    off: Vec<String>,
    /// Chains of other tables that drop what they do not know.
    dropping: Vec<String>,
}

impl Nat {
    /// Looks at this machine; changes nothing. `None` where a program is missing or all private addresses are taken.
    pub(super) fn plan() -> Option<Self> {
        let programs: Vec<_> = PROGRAMS.iter().filter_map(|name| find_program(name)).collect();
        let [ip, nft, _] = programs.as_slice() else { return None };
        let says = |program: &Path, words: &[&str]| {
            let output = Command::new(program).args(words).output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let routes = says(ip, &["-4", "-o", "route", "show", "table", "all"])?;
        let network = free_network(&routes)?;
        let sets = says(nft, &["list", "sets", "ip"]).unwrap_or_default();
        let is_off = |device: &String| {
            let path = Path::new("/proc/sys/net/ipv4/conf").join(device).join("forwarding");
            fs::read_to_string(path).is_ok_and(|now| now.trim() == "0") || switched_on(&sets).contains(device)
        };
        Some(Self {
            host: Ipv4Addr::from_bits(network + 1),
            client: Ipv4Addr::from_bits(network + 2),
            mtu: ways_out(&routes).iter().filter_map(|device| mtu_of(device)).min().unwrap_or(1_500),
            off: devices(&routes).into_iter().filter(is_off).collect(),
            dropping: dropping(&says(nft, &["list", "chains"]).unwrap_or_default()),
            programs,
        })
    }

    /// For [`SCRIPT`].
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut words = vec![std::process::id().to_string()];
        words.extend(self.programs.iter().map(|program| program.display().to_string()));
        words.extend([format!("{}/30", self.host), format!("{}/30", self.client)]);
        words.extend([self.mtu.to_string(), self.rules()]);
        words.extend(self.off.iter().cloned());
        words
    }

    /// nft(8). What is switched on for the client serves nobody else, nobody reaches the client unasked, and it reaches nothing
    /// of this machine but a resolver.
    fn rules(&self) -> String {
        let (pid, client) = (std::process::id(), self.client);
        let off: Vec<_> = self.off.iter().map(|device| format!("\"{device}\"")).collect();
        let elements = if off.is_empty() { String::new() } else { format!("elements = {{ {} }}", off.join(", ")) };
        format!(
            "table ip {TABLE}{pid} {{
               set off {{ type ifname; {elements}
               }}
               chain from {{ type nat hook postrouting priority 100; ip saddr {client} oifname != \"{LINK}{pid}\" masquerade; }}
               chain through {{ type filter hook forward priority 0;
                 iifname @off oifname != \"{LINK}*\" drop
                 oifname \"{LINK}{pid}\" ct state new,invalid drop
               }}
               chain to {{ type filter hook input priority 0;
                 iifname \"{LINK}{pid}\" udp dport 53 accept
                 iifname \"{LINK}{pid}\" tcp dport 53 accept
                 iifname \"{LINK}{pid}\" meta l4proto != icmp ct state new,invalid drop
               }}
             }}"
        )
    }

    /// What is told of it.
    pub(super) fn remarks(&self) -> Vec<String> {
        let pid = std::process::id();
        let forwards = if self.off.is_empty() {
            String::new()
        } else {
            format!(" and from {}, where it was off, for the client alone", self.off.join(", "))
        };
        let mut remarks = vec![
            format!(
                "this machine is changed until the end: interface {LINK}{pid} ({}/30), nft table {TABLE}{pid} (address \
                 translation), IPv4 forwarding from {LINK}{pid}{forwards}",
                self.host
            ),
            "the client has no IPv6 there".to_owned(),
        ];
        if !self.dropping.is_empty() {
            remarks.push(format!(
                "the firewall of this machine ({}) drops what it does not know; if the client reaches nothing, allow \
                 what comes from and goes to {LINK}{pid} there",
                self.dropping.join(", ")
            ));
        }
        remarks
    }

    /// How to do by hand what could not be undone.
    pub(super) fn by_hand(&self) -> Text {
        let pid = std::process::id();
        let mut steps = vec![format!("sudo nft delete table ip {TABLE}{pid}"), format!("sudo ip link del {LINK}{pid}")];
        let switch = |device: &String| format!("sudo sysctl -w net/ipv4/conf/{device}/forwarding=0");
        steps.extend(self.off.iter().map(switch));
        steps.join("; ").as_str().into()
    }
}

/// A prefix as ip-route(8) writes it: first address and length.
fn prefix(word: &str) -> Option<(u32, u32)> {
    let (address, length) = word.split_once('/').unwrap_or((word, "32"));
    Some((address.parse::<Ipv4Addr>().ok()?.to_bits(), length.parse().ok().filter(|length| *length <= 32)?))
}

/// The first four private addresses in a row to which no route leads. Ranges at which people seldom begin to count.
fn free_network(routes: &str) -> Option<u32> {
    let mask = |length: u32| u32::MAX.checked_shl(32 - length).unwrap_or_default();
    let used: Vec<_> = routes.lines().filter_map(|line| line.split_ascii_whitespace().find_map(prefix)).collect();
    let ranges =
        [[172, 31, 253, 0], [192, 168, 253, 0], [10, 253, 253, 0]].map(|octets| Ipv4Addr::from(octets).to_bits());
    let all = ranges.into_iter().flat_map(|range| (range..range + 256).step_by(4));
    all.into_iter().find(|network| {
        // A route to everything, perhaps in halves, is no sign that somebody has these addresses.
        used.iter().filter(|(_, length)| *length > 1).all(|(address, length)| {
            let mask = mask((*length).min(30));
            address & mask != network & mask
        })
    })
}

/// Interfaces to which routes lead.
fn devices(routes: &str) -> BTreeSet<String> {
    let device = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        words.find(|word| *word == "dev")?;
        let name = words.next()?;
        (name != "lo" && name != INTERFACE && !name.starts_with(LINK)).then(|| name.to_owned())
    };
    routes.lines().filter_map(device).collect()
}

/// Interfaces to which routes for everything lead.
fn ways_out(routes: &str) -> BTreeSet<String> {
    devices(&routes.lines().filter(|line| line.starts_with("default ")).collect::<Vec<_>>().join("\n"))
}

fn mtu_of(device: &str) -> Option<u32> {
    let path = Path::new("/sys/class/net").join(device).join("mtu");
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Interfaces whose forwarding other runs of this program switched on, from the sets of all tables.
fn switched_on(sets: &str) -> BTreeSet<String> {
    let mut own = false;
    let mut found = BTreeSet::new();
    for line in sets.lines() {
        if let Some(name) = line.strip_prefix("table ip ") {
            own = name.starts_with(TABLE);
        } else if own {
            found.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// Chains through which forwarded packets go and that drop what no rule of theirs accepts.
fn dropping(chains: &str) -> Vec<String> {
    let (mut table, mut chain) = ("", "");
    let mut found = Vec::new();
    for line in chains.lines().map(str::trim) {
        let name = |line| str::strip_suffix(line, " {");
        if let Some(name) = line.strip_prefix("table ").and_then(name) {
            table = name;
        } else if let Some(name) = line.strip_prefix("chain ").and_then(name) {
            chain = name;
        } else if line.contains("hook forward") && line.contains("policy drop") {
            found.push(format!("{table} {chain}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_that_nobody_has() {
        let free = |routes: &str| free_network(routes).map(|network| Ipv4Addr::from_bits(network).to_string());
        let home = "default via 192.0.2.1 dev eth0 proto dhcp\n192.0.2.0/24 dev eth0 scope link\n";
        assert_eq!(free(home).as_deref(), Some("172.31.253.0"));
        let one = format!("{home}172.31.253.0/30 dev zoll7 scope link\nlocal 172.31.253.1 dev zoll7 table local\n");
        assert_eq!(free(&one).as_deref(), Some("172.31.253.4"));
        let address = "local 172.31.253.2 dev lo table local\nbroadcast 172.31.253.7 dev x table local\n";
        assert_eq!(free(address).as_deref(), Some("172.31.253.8"));
        assert_eq!(free("172.16.0.0/12 via 192.0.2.9 dev wg0\n").as_deref(), Some("192.168.253.0"));
        assert_eq!(free("172.16.0.0/12 dev a\n192.168.0.0/16 dev a\nunreachable 10.0.0.0/8\n"), None);
        assert!(free("0.0.0.0/1 dev wg0\n128.0.0.0/1 dev wg0\n").is_some(), "a VPN that takes everything");
    }

    #[test]
    fn what_is_changed_is_read_from_what_the_programs_say() {
        let routes = "default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0\n10.8.0.0/16 dev wg0\n172.31.253.0/30 dev zoll7\nlocal 127.0.0.1 dev lo table local\n";
        assert_eq!(devices(routes).into_iter().collect::<Vec<_>>(), ["eth0", "wg0"]);
        assert_eq!(ways_out(routes).into_iter().collect::<Vec<_>>(), ["eth0"]);
        let sets = "table ip other {\n\tset x {\n\t\telements = { \"br0\" }\n\t}\n}\ntable ip zollhund_7 {\n\tset off {\n\t\ttype ifname\n\t\telements = { \"eth0\",\n\t\t\t     \"a.b-c\" }\n\t}\n}\n";
        assert_eq!(switched_on(sets).into_iter().collect::<Vec<_>>(), ["a.b-c", "eth0"]);
        let chains = "table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n";
        assert_eq!(dropping(chains), ["ip filter FORWARD"]);
    }
}
