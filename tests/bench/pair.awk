# pair.awk - reads the rows of tests/bench/pair and the file `results`; prints before, after and the
# ratio of each row, and fails if one has become worse by more than `worse` percent.

# Sorts list[1..n].
function sort(list, n,    i, j, value) {
    for (i = 2; i <= n; i++) {
        value = list[i]
        for (j = i - 1; j > 0 && list[j] > value; j--) list[j + 1] = list[j]
        list[j + 1] = value
    }
}

function median(list, n) { return list[int((n + 1) / 2)] }

function shown(value) { return value >= 1000 ? sprintf("%d", value) : sprintf("%.2f", value) }

BEGIN {
    while ((getline line < results) > 0) {
        split(line, part, "\t")
        all[part[1], ++count[part[1]]] = part[2] + 0
    }
    printf "%-32s %12s %12s %8s   %s\n", "", "before", "after", "ratio", "least to most"
}

{
    n = count["after/" $2]
    if (n == 0 || count["before/" $2] != n) {
        print "pair: no results for " $2 > "/dev/stderr"
        failed = 1
        next
    }
    for (i = 1; i <= n; i++) {
        before[i] = all["before/" $2, i]
        after[i] = all["after/" $2, i]
        ratio[i] = $3 > 0 ? after[i] / before[i] : before[i] / after[i]
    }
    sort(before, n); sort(after, n); sort(ratio, n)
    # A quarter of the rounds on each side may be the machine's.
    low = ratio[int(n / 4) + 1]; high = ratio[n - int(n / 4)]
    is_worse = high < 1 - worse / 100
    printf "%-32s %12s %12s %8.3f   %.3f to %.3f%s\n", $1, shown(median(before, n)), \
        shown(median(after, n)), median(ratio, n), ratio[1], ratio[n], is_worse ? "   WORSE" : ""
    if (is_worse) failed = 1
}

END { exit failed }
