#!/bin/sh
# A persistent handler in plain shell: returns a string in capitals. See docs/handlers.md.
#
#     darg-worker --handler 'upper=stream:sh examples/handlers/upper.sh'
#
# A shell reads no JSON, but a job's line ends with "nonce", then "args". Inside a JSON string a quote is
# escaped, so the first `,"nonce":` and `,"args":` are the real ones. Where jq is installed, it does
# this better.
set -u

say() {
    printf '%s\n' "$1"
}

# The work itself: args as JSON in $1, prints the result as JSON. Status 65: cannot be done, however
# often it is tried; any other but 0 may go better the next time. The reason stands in $reason.
handle() {
    case $1 in
    *\\*) reason='this handler knows no escapes in args' && return 65 ;;
    \"*) ;;
    *) reason='args must be a string' && return 65 ;;
    esac
    say "{\"nonce\":$nonce,\"progress\":100}"
    result=$(printf '%s' "$1" | tr '[:lower:]' '[:upper:]') || return 1
}

answer() {
    reason='handle() failed'
    handle "$args"
    case $? in
    0) say "{\"nonce\":$nonce,\"done\":$result}" ;;
    65) say "{\"nonce\":$nonce,\"bury\":\"$reason\"}" ;;
    *) say "{\"nonce\":$nonce,\"retry\":\"$reason\"}" ;;
    esac
}

read -r hello
case $hello in
'{"darg":1,'*',"max":'[2-9]*) say '{"darg":2}' ;;
*) echo 'upper.sh knows version 2 of the protocol only' >&2 && exit 1 ;;
esac
while read -r job; do
    nonce=${job#*,\"nonce\":}
    nonce=${nonce%%,*}
    args=${job#*,\"args\":}
    args=${args%\}}
    answer
done
# The end of input: there will be no more jobs.
