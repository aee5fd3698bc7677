#!/bin/sh
# A row of options whose kind and field disagree does not compile, and all rows are checked like that.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CC=${CC:-cc}
failed=0

# compiles ROW...: a table of these.
compiles() {
    cat >"$work/try.c" <<END
#include "base/options.h"
struct inner { int64_t first; };
struct values {
    bool flag;
    int small;
    int64_t number;
    const char *text;
    struct options_list list;
    struct inner inner;
};
extern const struct option_row inner_rows[], rows[];
const struct option_row rows[] = {
END
    for row; do echo "{.name = \"x\", $row}," >>"$work/try.c"; done
    echo 'OPTIONS_END};' >>"$work/try.c"
    "$CC" -std=c11 -Wall -Wextra -Wpedantic -Werror -Icommon -fsyntax-only "$work/try.c" 2>"$work/said"
}
field() {
    echo "OPTION_FIELD(OPT_$1, struct values, $2)"
}
group() {
    echo "OPTION_GROUP(inner_rows, struct inner, struct values, $1)"
}
compiles "$(field FLAG flag)" "$(field STRING text)" "$(field INT number)" "$(field DURATION number)" \
    "$(field BYTES number)" "$(field LIST list)" "$(field URL text)" "$(group inner)" || {
    cat "$work/said"
    failed=1
}
refused() {
    if compiles "$1"; then
        echo "compiles: $1"
        failed=1
    fi
}
for kind in FLAG STRING INT DURATION BYTES LIST URL; do refused "$(field $kind small)"; done
refused "$(field FLAG number)"
refused "$(field STRING number)"
refused "$(field INT text)"
refused "$(field LIST text)"
refused "$(group text)"
# Without the macros nothing would be checked.
if grep -rnE 'OPT_[A-Z]+, *offsetof|\.offset = offsetof|\.group = [a-z_]+, *\.offset' --include='*.c' \
    common producer worker handlers | grep -v 'offsetof(struct call, options)'; then
    echo 'use OPTION_FIELD or OPTION_GROUP'
    failed=1
fi
exit $failed
