#!/bin/bash
# Packs hone and hone-dev as `make deb` does, installs both into an empty root, runs the program there, and removes them:
# nothing may be left.
#
#   deb_test.sh BUILD_DIR WORK_DIR
#
# Exit status 77 (skipped) where there is no dpkg, or no right to give files to root.
set -euo pipefail
build=$1
work=$2

skip() {
  echo "SKIPPED: $*"
  exit 77
}
fail() {
  echo "FAILED: $*" >&2
  exit 1
}

command -v dpkg-deb > /dev/null && command -v cpack > /dev/null || skip "no dpkg-deb or no cpack"
root=()
if [ "$(id -u)" != 0 ]; then
  command -v fakeroot > /dev/null || skip "neither root nor fakeroot (apt-get install fakeroot)"
  root=(fakeroot)
fi

rm -rf "$work"
mkdir -p "$work/root/var/lib/dpkg/"{info,updates,triggers}
touch "$work/root/var/lib/dpkg/"{status,available}
(cd "$build" && cpack -B "$work/packages" > "$work/cpack.log" 2>&1) || fail "cpack: $(tail -n 5 "$work/cpack.log")"
packages=("$work"/packages/*.deb)
[ ${#packages[@]} = 2 ] || fail "packages: ${packages[*]}"
for package in "${packages[@]}"; do
  [ "$(dpkg-deb -f "$package" Version)" ] && [ "$(dpkg-deb -f "$package" Architecture)" ] || fail "$package says no version"
done
for package in "${packages[@]}"; do
  case $package in
    *hone-dev*) ;;
    *) dpkg-deb -f "$package" Depends | grep -q libc6 || fail "hone depends on no libc6" ;;
  esac
done

# What it depends on is not in the empty root; the program finds it on this machine. Nor is a shell there, so scripts run
# outside, where they are to renew nothing.
mkdir "$work/bin"
ln -s /bin/true "$work/bin/ldconfig"
in_root() {
  PATH=$work/bin:$PATH "${root[@]}" dpkg --root="$work/root" --force-depends --force-not-root --force-script-chrootless \
    --log=/dev/null "$@" > "$work/dpkg.log" 2>&1
}
in_root --install "${packages[@]}" || fail "install: $(cat "$work/dpkg.log")"
hone=$work/root/usr/bin/hone
"$hone" --version | grep -q . || fail "$hone does not run"
for file in share/man/man1/hone.1 share/bash-completion/completions/hone share/doc/hone/THIRD_PARTY.md include/hone_c.h; do
  find "$work/root/usr/$file"* > /dev/null 2>&1 || fail "usr/$file was not installed"
done
grep -q "^Package: hone-dev" "$work/root/var/lib/dpkg/status" || fail "dpkg knows of no hone-dev"

in_root --purge hone-dev hone || fail "remove: $(cat "$work/dpkg.log")"
left=$(find "$work/root" -path "$work/root/var" -prune -o ! -type d -print)
[ -z "$left" ] || fail "left behind: $left"
echo "PASSED: $(basename -a "${packages[@]}" | tr '\n' ' ')installed, ran, removed"
