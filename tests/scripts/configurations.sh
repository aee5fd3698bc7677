#!/bin/sh
# Every configuration that the documents show is accepted by both programs, darg-worker and each command
# of darg. One is an indented or fenced piece of text all of whose lines are sections, names with values,
# comments and blanks, and which has one of our sections or options; a new example is found by itself.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$DARG_BUILD_DIR/darg" --help=completion >"$work/completion"
"$DARG_BUILD_DIR/darg-worker" --help=completion >>"$work/completion"
awk -F '\t' '$1 == "option" { print $2 }' "$work/completion" | sort -u >"$work/names"
awk -F '\t' '$1 == "command" && split($2, word, " ") > 1 { print $2 }' "$work/completion" >"$work/commands"

# Writes each configuration of the files into a file of its own, named after the place where it begins. What
# stands in one piece with something else, a line of shell say, ends at the empty line before that.
extract() {
    awk -v work="$work" '
    BEGIN { while ((getline name < (work "/names")) > 0) is_option[name] = 1 }
    function end_configuration() {
        if (is_ours) {
            place = file
            gsub(/[\/.]/, "-", place)
            path = work "/" place "-" first ".conf"
            printf "%s", text >path
            close(path)
            print path "\t" file ":" first
        }
        text = ""
        is_ours = 0
    }
    function end_paragraph() {
        if (paragraph != "" && !is_other) {
            if (text == "") first = paragraph_first
            text = text paragraph "\n"
            is_ours = is_ours || paragraph_is_ours
        } else if (paragraph != "") {
            end_configuration()
        }
        paragraph = ""
        is_other = paragraph_is_ours = 0
    }
    FNR == 1 { end_paragraph(); end_configuration(); is_fenced = 0; file = FILENAME }
    /^```/ { end_paragraph(); end_configuration(); is_fenced = !is_fenced; next }
    /^[ \t]*$/ { end_paragraph(); next }
    !is_fenced && !/^    / { end_paragraph(); end_configuration(); next }
    {
        line = $0
        if (!is_fenced) line = substr(line, 5)
        if (paragraph == "") paragraph_first = FNR
        paragraph = paragraph line "\n"
        if (line ~ /^[;#]/) next
        name = line
        sub(/[ \t]*=.*/, "", name)
        if (line ~ /^\[(worker|darg|queues|handlers|limits)\]/) paragraph_is_ours = 1
        else if (line ~ /^\[[a-z]+\][ \t]*(;.*)?$/) ;
        else if (line ~ /^[a-z*][a-z0-9.-]*[ \t]*=/) paragraph_is_ours = paragraph_is_ours || name in is_option
        else is_other = 1
    }
    END { end_paragraph(); end_configuration() }' "$@"
}

failed=0
accepted_by() {
    place=$1
    shift
    "$@" --print-config >"$work/said" 2>&1 && return
    echo "$place: $(basename "$1") refuses it: $(cat "$work/said")"
    failed=1
}

# shellcheck disable=SC2046 # a list of files
extract $(find ./*.md docs examples -name '*.md' | sort) >"$work/found"
while IFS="$(printf '\t')" read -r path place; do
    chmod 600 "$path"
    accepted_by "$place" "$DARG_BUILD_DIR/darg-worker" --config "$path"
    while read -r _ command; do
        # shellcheck disable=SC2086 # words
        accepted_by "$place" "$DARG_BUILD_DIR/darg" $command --config "$path"
    done <"$work/commands"
done <"$work/found"
# Those of docs/settings.md, operations.md and handlers.md: else it is this script that finds nothing.
[ "$(wc -l <"$work/found")" -ge 3 ] || { echo "only found: $(cat "$work/found")" && failed=1; }
exit $failed
