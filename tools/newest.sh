#!/usr/bin/env bash
# What `./dev newest` runs as root, in namespaces of its own: whatever is mounted or started here is gone when
# this ends, however it ends.
#   newest.sh [OPTION OF tests/run.py...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null
trap 'exit 130' INT TERM  # as the first process of its namespace it would get neither

suite=trixie
packages=(
  g++ meson ninja-build pkg-config ccache python3 git cmake gdb valgrind nodejs neovim
  libboost1.88-dev libboost-json1.88-dev libfmt-dev doctest-dev duktape-dev libcli11-dev
)
left_out=interop-node  # its packages come from npm
# Not in build/, which Meson empties for another compiler.
system=$PWD/build-newest/system

say() { printf 'dev: %s\n' "$*" >&2; }

# in_system COMMAND...: with nothing of the environment that means this machine
in_system() {
  chroot "$system" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_FRONTEND=noninteractive CXXFLAGS=-g1 "$@"
}

# mirror: where this machine's apt gets Debian from; nothing where it doesn't, debootstrap then has its own idea
mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1 || true
}

if [[ ! -d $system ]]; then
  say "making a system of Debian $suite in ${system#"$PWD/"}, once"
  rm -rf "$system.part"
  mapfile -t from < <(mirror)
  debootstrap --variant=minbase "$suite" "$system.part" "${from[@]}" >&2
  mv "$system.part" "$system"
fi

mount -t proc proc "$system/proc"
mount --rbind /dev "$system/dev"
mount -t tmpfs tmpfs "$system/tmp"
cat /etc/resolv.conf >"$system/etc/resolv.conf"
echo '127.0.0.1 localhost' >"$system/etc/hosts"

installed=$(in_system dpkg-query -Wf '${db:Status-Status}\n' "${packages[@]}" 2>/dev/null | grep -cx installed || true)
if ((installed < ${#packages[@]})); then
  say "installing ${packages[*]}"
  in_system apt-get update -qq >&2
  in_system apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3 "${packages[@]}" >&2
  # The tree may be another user's.
  in_system git config --system --replace-all safe.directory '*'
fi

# The tree can only be read there; its build/ is another one.
mkdir -p "$system/antiphon" build-newest/build
mount --bind . "$system/antiphon"
mount -o remount,bind,ro "$system/antiphon"
mount --bind build-newest/build "$system/antiphon/build"
in_tree() { in_system env --chdir=/antiphon "$@"; }

in_tree ./dev build

version() { in_system dpkg-query -Wf '${source:Upstream-Version}' "$1" | sed 's/[+~].*//'; }
echo "Debian $(<"$system/etc/debian_version"): g++ $(in_system g++ -dumpfullversion)," \
  "Boost $(version libboost1.88-dev), fmt $(version libfmt-dev), doctest $(version doctest-dev)," \
  "Meson $(version meson), Python $(version python3), CMake $(version cmake)"

if ((!$#)); then
  say "left out: $left_out"
  set -- --only "$(in_tree python3 tests/run.py --list | grep -vx "$left_out" | paste -sd,)"
fi
in_tree python3 tests/run.py --build build "$@"
