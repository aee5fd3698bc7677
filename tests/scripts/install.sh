#!/bin/sh
# `make install` puts everything where DESTDIR and PREFIX say, and `make uninstall` leaves nothing of
# it behind, nor touches what others put there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The programs are taken as they are, whatever they were built with.
run_make() {
    env -u MAKEFLAGS -u MFLAGS make -o "$DARG_BUILD_DIR/darg" -o "$DARG_BUILD_DIR/libdarg.o" -o "$DARG_BUILD_DIR/libdarg.a" -o "$DARG_BUILD_DIR/libdarg.so.1" -o "$DARG_BUILD_DIR/darg-worker" -o "$DARG_BUILD_DIR/darg-http" \
        BUILD="$DARG_BUILD_DIR" DESTDIR="$work/root" PREFIX=/opt/some "$@" >"$work/said" 2>&1 ||
        { cat "$work/said" && exit 1; }
}
list() { (cd "$work/root" && find . ! -type d | sort); }

run_make install
list >"$work/found"
programs='darg darg-worker'
[ ! -x "$DARG_BUILD_DIR/darg-http" ] || programs="$programs darg-http"
{
    echo ./opt/some/lib/systemd/system/darg-worker@.service
    echo ./opt/some/include/darg.h
    echo ./opt/some/lib/libdarg.a
    echo ./opt/some/lib/libdarg.so
    echo ./opt/some/lib/libdarg.so.1
    echo ./opt/some/lib/pkgconfig/darg.pc
    for program in $programs; do
        echo "./opt/some/bin/$program"
        echo "./opt/some/share/bash-completion/completions/$program"
        echo "./opt/some/share/man/man1/$program.1"
        echo "./opt/some/share/zsh/site-functions/_$program"
    done
} | sort >"$work/wanted"
diff "$work/wanted" "$work/found"
"$work/root/opt/some/bin/darg" --version | grep -q '^darg [0-9]'
"$work/root/opt/some/bin/darg-worker" --version | grep -q '^darg-worker [0-9]'
grep -q '^ExecStart=/opt/some/bin/darg-worker ' "$work/root/opt/some/lib/systemd/system/darg-worker@.service"
grep -q 'shutdown\\-timeout' "$work/root/opt/some/share/man/man1/darg-worker.1"
grep -qx 'libdir=/opt/some/lib' "$work/root/opt/some/lib/pkgconfig/darg.pc"
grep -qx 'includedir=/opt/some/include' "$work/root/opt/some/lib/pkgconfig/darg.pc"
[ "$(readlink "$work/root/opt/some/lib/libdarg.so")" = libdarg.so.1 ]
[ -z "$(find "$work/root" -type f -perm /022)" ] # nobody else may write to any of it
# Installing again is no error.
run_make install
list | diff "$work/wanted" -

touch "$work/root/opt/some/bin/other"
run_make uninstall
[ "$(list)" = ./opt/some/bin/other ]
