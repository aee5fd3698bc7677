#!/bin/sh
# Completion offers what the programs' own tables hold: bash is asked, zsh at least reads it.
set -eu
command -v bash >/dev/null || { echo 'skipped: there is no bash'; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for program in darg darg-worker; do
    tools/completion bash "$DARG_BUILD_DIR/$program" >"$work/$program.bash"
    tools/completion zsh "$DARG_BUILD_DIR/$program" >"$work/_$program"
done
cat >"$work/ask" <<'END'
# offers PROGRAM WORD...: what completes the last word, each on a line.
. "$1/$2.bash"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"_${1//-/_}"
printf '%s\n' "${COMPREPLY[@]}"
END
failed=0
# expect WORDS... = OFFERS...
expect() {
    asked='' line=$*
    wanted=${line##* = }
    case $line in
    *' =') wanted='' asked=${line% =} ;;
    *) asked=${line% = *} ;;
    esac
    # shellcheck disable=SC2086 # words
    got=$(bash "$work/ask" "$work" $asked ${last+"$last"} | tr '\n' ' ')
    if [ "${got% }" != "$wanted" ]; then
        echo "'$asked${last+ }' is completed by '${got% }', not '$wanted'"
        failed=1
    fi
}
expect darg pu = push purge
expect darg dead re = retry
expect darg dead retry --ty = --type
expect darg push --max- = --max-attempts --max-job-size
expect darg push --max-attempts - =
expect darg push -q = -q
expect darg-worker --log- = --log-level --log-format --log-file
expect darg-worker --log-level de =
expect darg-worker -q mail --thr = --threads
last=''
expect darg dead = list retry drop
expect darg redis = status stop
expect darg push =
expect darg --json = push result status cancel stats queues workers peek dead pause resume drain stop quiet limit purge fsck doctor redis
expect darg dead -q mail = list retry drop
expect darg --redis =
unset last
# Options before the command; readline takes words apart at these signs.
expect darg --re = --redis --redis-password-file
expect darg --redis unix:///x st = status stats stop
expect darg --redis redis : //h : 6379 -q mail --json dead re = retry
expect darg --redis = redis : //u : p @ h st = status stats stop
expect darg --config x dead --json retry --ty = --type
expect darg dead --na = --namespace
# Every option that --help knows.
for option in $("$DARG_BUILD_DIR/darg-worker" --help | grep -oE '^ .{5} --[a-z-]+|^  +--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
    bash "$work/ask" "$work" darg-worker "$option" | grep -qx -- "$option" ||
        { echo "darg-worker $option is not offered" && failed=1; }
done
if command -v zsh >/dev/null; then
    for file in "$work"/_darg*; do zsh -n "$file" || failed=1; done
else
    echo 'there is no zsh: its completion was not read'
fi
exit $failed
