# prefetch-table.jq - the JSON of tests/bench/prefetch as a table for a terminal.

include "prose";

def right($width): " " * ([$width - length, 0] | max) + .;
def left($width): . + " " * ([$width - length, 0] | max);
def ms: "\(digits(0)) ms";

"Two workers of \(.threads) threads, \(.long_jobs) jobs of \(.long_ms) ms among \(.short_jobs) of \(.short_ms) ms; few: \(.few_jobs)",
("" | left(24)) + ("no-op jobs/s" | right(13)) + ("a claim" | right(9)) + ("mixed" | right(10)) + ("stranded" | right(10))
+ ("phases" | right(10)) + ("stranded" | right(10)) + ("few" | right(10)) + ("stranded" | right(10)) + ("given back" | right(12)),
(.variants[]
 | (.label | left(24)) + (.noop_rate.median | commas | right(13)) + (.batch.median | digits(0) | right(9))
 + (.mixed_over.median | over | right(10)) + (.mixed_stranded.median | ms | right(10))
 + (.phases_over.median | over | right(10)) + (.phases_stranded.median | ms | right(10))
 + (.few_over.median | over | right(10)) + (.few_stranded.median | ms | right(10))
 + (.returned.median | commas | right(12))),
"",
(.targets[] | "\(.label): \(.value | digits(2)) \(.unit), target \(.target): \(if .met then "ok" else "NO" end)")
