#!/bin/sh
# Installs what building needs and is not there: a C compiler (for the cryptography of ring) and Rust's own tools.
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

if ! have cc; then
  if have apt-get; then
    echo "setup: installing the system package build-essential (a C compiler)"
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y build-essential
  elif have dnf; then
    echo "setup: installing the system package gcc"
    as_root dnf install -y gcc
  elif have pacman; then
    echo "setup: installing the system package gcc"
    as_root pacman -S --needed --noconfirm gcc
  elif have xcode-select; then
    echo "setup: installing Apple's command line tools (a window asks for your consent)"
    xcode-select --install
  else
    echo "setup: a C compiler (cc) is missing; install gcc or clang and run this again" >&2
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
