#!/bin/sh
# release-check accepts the sources as they are, and finds each number that differs from the others.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files='Makefile CHANGELOG.md include/darg.h common/queue/lease.h docs/versions.md docs/protocol.md docs/libdarg.md
    packaging/debian/control packaging/debian/libdarg1.install tools/deb'
failed=0
problem() {
    echo "$*: $(cat "$work/said")"
    failed=1
}
check() { tools/release-check "$@" >"$work/said" 2>&1; }

# finds FILE SED [BLAMED]: changed so, the sources are refused, and the sentence names the file to blame (this one).
finds() {
    rm -rf "$work/tree"
    for file in $files; do
        mkdir -p "$work/tree/$(dirname "$file")"
        cp "$file" "$work/tree/$file"
    done
    sed -i "$2" "$work/tree/$1"
    if cmp -s "$1" "$work/tree/$1"; then
        problem "'$2' changes nothing in $1"
    elif check "$work/tree"; then
        problem "'$2' in $1 is not found"
    elif ! grep -q "^${3-$1}: " "$work/said"; then
        problem "'$2' in $1 is found, but ${3-$1} is not named"
    fi
}

check || problem 'the sources are refused'
check "$PWD" || problem 'by their path, the sources are refused'

finds Makefile 's/^VERSION := .*/VERSION := 9.9.9/' CHANGELOG.md
finds Makefile 's/^VERSION := .*/VERSION := 0.1/'
finds Makefile 's/^soname := .*/soname := libdarg.so.7/' packaging/debian/control
finds Makefile "s/tools.deb '\$(VERSION)'/tools\\/deb 0.1.0/"
finds CHANGELOG.md 's/^## \[/&1/'
finds CHANGELOG.md 's/^## \[.*/## [Unreleased]/'
finds CHANGELOG.md 's/^\(## \[.*\]\) - .*/\1 - soon/'
finds CHANGELOG.md 's/^Protocol [0-9]*/Protocol 99/'
finds CHANGELOG.md 's/^\(Protocol .*libdarg\.so\.\)[0-9]*/\17/'
finds CHANGELOG.md 's/plugin ABI [0-9]*/plugin ABI 99/'
finds common/queue/lease.h 's/LEASE_PROTOCOL = [0-9]*/LEASE_PROTOCOL = 99/' docs/protocol.md
finds common/queue/lease.h 's/LEASE_PROTOCOL = [0-9]*/LEASE_PROTOCOL = OTHER/'
finds include/darg.h 's/\(DARG_ABI_VERSION\) .*/\1 99/' CHANGELOG.md
for name in version protocol soname plugins; do
    finds docs/versions.md "s/^| $name | [^|]*|/| $name | 99 |/"
done
# shellcheck disable=SC2016 # sed's
finds docs/protocol.md 's/including `protocol` ([0-9]*)/including `protocol` (99)/'
finds docs/libdarg.md 's/libdarg\.so\.[0-9]*/libdarg.so.99/g'
finds packaging/debian/control 's/^Package: libdarg[0-9]*/Package: libdarg99/'
finds packaging/debian/control 's/libdarg[0-9]* (=/libdarg99 (=/'
finds packaging/debian/libdarg1.install 's/so\.[0-9]*/so.99/'
# shellcheck disable=SC2016 # as it stands there
finds tools/deb 's/^darg (\$version)/darg (0.0.1)/'

# What is released has a day.
finds CHANGELOG.md 's/^\(## \[.*\]\) - .*/\1 - never/'
sed -i 's/^\(## \[.*\]\) - .*/\1 - unreleased/' "$work/tree/CHANGELOG.md"
check "$work/tree" || problem 'before its day it is refused'
if check --release "$work/tree"; then problem 'it may be released without a day'; fi
sed -i 's/ - unreleased/ - 2026-12-24/' "$work/tree/CHANGELOG.md"
check --release "$work/tree" || problem 'with its day it may not be released'
check "$work/tree" || problem 'after its day it is refused'
# A changelog for Debian of its own has the same version.
echo 'darg (9.9.9-1) unstable; urgency=medium' >"$work/tree/packaging/debian/changelog"
if check "$work/tree"; then problem "Debian's changelog may differ"; fi
exit $failed
