#!/bin/sh
# library.sh WHAT - libdarg as others use it: what can be seen of it (symbols), programs built by what
# pkg-config says (programs), and the header by itself (header).
set -eu
build=$DARG_BUILD_DIR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CC=${CC:-cc}

header() {
    for standard in c99 c11 c17; do
        "$CC" -std=$standard -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c include/darg.h
    done
    command -v c++ >/dev/null || return 0
    c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ include/darg.h
}

# Every function of the header, and no other name: a program's own must not meet ours.
symbols() {
    sed -n 's/^DARG_API.* \*\{0,1\}\(darg_[a-z_]*\)(.*/\1/p' include/darg.h | grep -vx darg_plugin | sort >"$work/wanted"
    [ "$(wc -l <"$work/wanted")" -gt 20 ]
    nm -D --defined-only "$build/libdarg.so.1" | awk '{ print $3 }' | sort >"$work/shared"
    nm -g --defined-only "$build/libdarg.a" | awk 'NF == 3 { print $3 }' | sort >"$work/static"
    diff "$work/wanted" "$work/shared"
    diff "$work/wanted" "$work/static"
    readelf -d "$build/libdarg.so.1" | grep -q 'SONAME.*\[libdarg\.so\.1\]'
    # Plugins are linked with nothing: the worker has what they call.
    nm -D --defined-only "$build/darg-worker" | awk '{ print $3 }' | grep '^darg_' | sort >"$work/worker"
    grep '^darg_job_' "$work/wanted" | diff - "$work/worker"
}

programs() {
    PKG_CONFIG_PATH=$build
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046 # words
    "$CC" examples/c/push.c -o "$work/push" $(pkg-config --cflags --libs darg)
    code=0
    LD_LIBRARY_PATH=$build "$work/push" unix:///nowhere/sock 2>"$work/said" || code=$?
    [ "$code" = 1 ] && grep -q '^one: .*/nowhere/sock' "$work/said"
    LD_LIBRARY_PATH=$build ldd "$work/push" | grep -qF "$build/libdarg.so.1"

    # shellcheck disable=SC2046 # words
    "$CC" examples/c/worker.c -o "$work/worker" $(pkg-config --static --cflags --libs darg | sed 's/-ldarg/-l:libdarg.a/')
    [ "$("$work/worker" --try upper '"a"')" = '"A"' ]
    ldd "$work/worker" | grep libdarg && exit 1

    # One whose names are ours inside, and what it links to in the same way.
    cat >"$work/names.c" <<'END'
#include <darg.h>
int push_open(void);
int log_open(void);
int push_open(void) { return 40; }
int log_open(void) { return 2; }
int main(void)
{
    struct darg_client *client;
    int code = darg_open(NULL, &client);
    darg_close(client);
    return code == DARG_OK ? push_open() + log_open() : 1;
}
END
    # shellcheck disable=SC2046 # words
    "$CC" "$work/names.c" -o "$work/names" $(pkg-config --static --cflags --libs darg | sed 's/-ldarg/-l:libdarg.a/')
    code=0
    "$work/names" || code=$?
    [ "$code" = 42 ]

    "$CC" -shared -fPIC -Iinclude examples/c/plugin.c -o "$work/plugin.so"
    [ "$("$build/darg-worker" --plugin "$work/plugin.so" --try upper '"a"')" = '"A"' ]
    # A program with the library in it is a worker for plugins, too.
    # shellcheck disable=SC2046 # words
    "$CC" examples/c/worker.c -o "$work/worker" $(pkg-config --cflags --libs darg)
    [ "$(LD_LIBRARY_PATH=$build "$work/worker" --plugin "$build/tests/plugins/handlers.so" --try 'done' 7)" = 7 ]
}

# What is built with a sanitizer can be linked only with what is built so.
case $1:$(basename "$build") in
programs:*-asan* | programs:*-tsan*)
    echo 'the library is built with a sanitizer'
    exit 77
    ;;
esac
"$1"
