#!/bin/sh
# systemd finds nothing to complain about in the unit.
set -eu
command -v systemd-analyze >/dev/null || { echo 'skipped: there is no systemd-analyze'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unit=$work/darg-worker@test.service
sed "s|/usr/bin/darg-worker|$DARG_BUILD_DIR/darg-worker|" packaging/systemd/darg-worker@.service >"$unit"
systemd-analyze verify --man=no "$unit" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
# It says what it ignores, and yet ends with 0. Other units are not ours.
if grep 'darg-worker@' "$work/said"; then exit 1; fi
# Hardened, as far as a worker whose handlers are not known can be.
systemd-analyze security --offline=yes --threshold=20 "$unit" >"$work/said" 2>&1 ||
    { tail -n 1 "$work/said"; exit 1; }
