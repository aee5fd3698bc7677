# callgrind.awk - of each function in callgrind's output (names and positions not compressed): the
# instructions of its own, and how often it was called. Prints "FUNCTION<tab>INSTRUCTIONS<tab>CALLS".

function plain(name) {
    sub(/^[a-z]+=/, "", name)
    sub(/'[0-9]+$/, "", name)
    sub(/@.*/, "", name)
    return name
}

/^fn=/ { current = plain($0); next }
/^cfn=/ { called = plain($0); next }
/^calls=/ {
    split($1, part, "=")
    calls[called] += part[2]
    is_inclusive = 1 # the next line: what the call took, all in all
    next
}
/^[0-9]/ {
    if (!is_inclusive) own[current] += $2
    is_inclusive = 0
}
END {
    for (name in own) printf "%s\t%d\t%d\n", name, own[name], calls[name]
}
