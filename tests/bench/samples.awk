# samples.awk - reads a report of perf (comm|dso|symbol|samples) and the file `symbols` (nm of Redis);
# prints for the worker "worker/THREAD/FUNCTION<tab>SAMPLES", and for Redis, of whose functions only
# some have names, "redis/PART<tab>SAMPLES". A function without a name counts to the named one before it.

function trim(text) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    return text
}

# Addresses are hexadecimal of one length: as text they sort as they do as numbers.
function nearest(address,    low, high, middle) {
    sub(/^0x/, "", address)
    low = 0
    high = symbol_count + 1
    while (high - low > 1) {
        middle = int((low + high) / 2)
        if (addresses[middle] "" <= address "") low = middle
        else high = middle
    }
    return low > 0 ? names[low] : "?"
}

function part_of_redis(dso, symbol) {
    if (dso ~ /^\[kernel/) return "kernel: sockets, scheduling"
    if (dso ~ /jemalloc/ || symbol ~ /^(z(m|c|re)alloc|zfree|ztrymalloc|zmalloc|malloc|calloc|realloc|free|je_)/)
        return "memory allocation"
    if (dso ~ /^libc/ || dso ~ /vdso/) return "C library: copying, comparing, printing"
    if (symbol ~ /^lua|^script|^eval|[lL]ua/) return "Lua, and values into and out of it"
    if (symbol ~ /^(dict|siphash|hash)/) return "hashes (what is claimed)"
    if (symbol ~ /^(lp|quicklist|list|ll2string|ull2string|string2ll)/) return "lists (what waits)"
    if (symbol ~ /^sds|^_sds|String|^decrRefCount|^incrRefCount|^create/) return "strings and objects"
    if (symbol ~ /[rR]eply|[bB]ulk|[cC]lient|^ae|^conn|[cC]ommand|^call/) return "protocol and commands"
    return "other"
}

BEGIN {
    FS = "|"
    while ((getline line < symbols) > 0) {
        split(line, field, " ")
        addresses[++symbol_count] = field[1]
        names[symbol_count] = field[3]
    }
}
/^#/ || NF < 4 { next }
{
    comm = trim($1)
    dso = trim($2)
    symbol = trim($3)
    count = trim($4)
    sub(/^\[[.k]\] /, "", symbol)
    if (comm == "redis-server") {
        if (symbol ~ /^0x/) symbol = nearest(symbol)
        redis[part_of_redis(dso, symbol)] += count
    } else {
        sub(/-[0-9]+$/, "", comm)
        sub(/\.(isra|constprop|part|cold).*/, "", symbol)
        if (dso ~ /^\[kernel/) symbol = "(kernel)"
        worker[comm "/" symbol] += count
    }
}
END {
    for (name in redis) printf "redis/%s\t%d\n", name, redis[name]
    for (name in worker) printf "worker/%s\t%d\n", name, worker[name]
}
