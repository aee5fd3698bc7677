#!/bin/sh
# check-links accepts links that lead somewhere, and names the line of each that does not.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/docs"
cat >"$work/docs/other.md" <<'END'
# `darg push`, and *more*
## Twice
## Twice
    # no heading: code
END
good() {
    cat <<'END'
# Page
[a](docs/other.md), [b](docs/other.md#darg-push-and-more), [c](#page), [d](docs), [`e`](docs/other.md#twice-1)
[f](https://example.org/nowhere#there), `[g](nowhere.md)`

    [h](nowhere.md)
END
}
good >"$work/README.md"
tools/check-links "$work"

finds() {
    good >"$work/README.md"
    echo "$1" >>"$work/README.md"
    if tools/check-links "$work" >"$work/said"; then
        echo "'$1' is not found" && exit 1
    fi
    grep -qF "README.md:6: $2" "$work/said" || { cat "$work/said" && exit 1; }
    [ "$(wc -l <"$work/said")" = 1 ]
}
finds '[x](nowhere.md)' 'there is no nowhere.md'
finds '[x](docs/../nowhere.md#page)' 'there is no nowhere.md'
finds '[x](docs/other.md#twice-2)' 'no heading makes #twice-2 in docs/other.md'
finds '[x](docs/other.md#no-heading-code)' 'no heading makes #no-heading-code in docs/other.md'
