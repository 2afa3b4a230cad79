#!/bin/sh
# Installs what building needs and is not there: a C compiler (for the cryptography of ring), libpcap (for live capture) and
# Rust's own tools.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else
    echo "setup: run as root or with sudo: $*" >&2
    exit 1
  fi
}

if ! have cargo; then
  echo "setup: Rust is missing; install it from https://rustup.rs (1.88 or newer) and run this again" >&2
  exit 1
fi

have_pcap() {
  [ "$(uname)" = Darwin ] && return
  for folder in /usr/include /usr/local/include; do [ -e "$folder/pcap/pcap.h" ] && return; done
  return 1
}

if ! have cc || ! have_pcap; then
  if have apt-get; then
    echo "setup: installing the system packages build-essential (a C compiler) and libpcap-dev (packet capture)"
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y build-essential libpcap-dev
  elif have dnf; then
    echo "setup: installing the system packages gcc and libpcap-devel"
    as_root dnf install -y gcc libpcap-devel
  elif have pacman; then
    echo "setup: installing the system packages gcc and libpcap"
    as_root pacman -S --needed --noconfirm gcc libpcap
  elif have xcode-select; then
    echo "setup: installing Apple's command line tools (a window asks for your consent)"
    xcode-select --install
  else
    echo "setup: a C compiler (cc) or libpcap's headers are missing; install them and run this again" >&2
    exit 1
  fi
fi

for tool in fmt clippy; do
  if ! cargo "$tool" --version >/dev/null 2>&1; then
    component=$tool
    [ "$tool" = fmt ] && component=rustfmt
    if have rustup; then
      echo "setup: adding the Rust component $component"
      rustup component add "$component"
    else
      echo "setup: cargo $tool is missing; install it with your package manager (needed for the tests only)" >&2
    fi
  fi
done

# `setup.sh lab` also installs the programs with which the tests make real calls, drive real terminals and browsers, and check
# with other tools what was written. Without them those tests are skipped, and say so. Servers are installed, not started.
if [ "${1:-}" = lab ]; then
  # One program of each package, and the package.
  lab="ip=iproute2 curl=curl openssl=openssl tmux=tmux tshark=tshark chromium=chromium pdftoppm=poppler-utils pasta=passt setcap=libcap2-bin
    slirp4netns=slirp4netns nft=nftables sudo=sudo janus=janus turnserver=coturn nginx=nginx-light dnsmasq=dnsmasq-base pip3=python3-pip"
  missing=
  for pair in $lab; do
    have "${pair%%=*}" || PATH="$PATH:/usr/sbin:/sbin" have "${pair%%=*}" || missing="$missing ${pair#*=}"
  done
  if [ -n "$missing" ]; then
    if have apt-get; then
      echo "setup: installing for the tests:$missing"
      as_root apt-get update -q
      # RUNLEVEL=1: services are not started.
      as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends $missing
    else
      echo "setup: not there, so that some tests will be skipped:$missing" >&2
    fi
  fi
  if ! python3 -c 'import bagit, rfc8785' 2>/dev/null; then
    echo "setup: installing for the tests: the Python modules bagit and rfc8785"
    set -- bagit rfc8785
    python3 -m pip install --quiet "$@" 2>/dev/null || python3 -m pip install --quiet --break-system-packages "$@" ||
      echo "setup: bagit and rfc8785 could not be installed; their tests will be skipped" >&2
  fi
fi
