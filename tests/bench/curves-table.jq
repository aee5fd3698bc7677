# curves-table.jq - the JSON of tests/bench/curves as tables for a terminal.

def left($width): . + " " * ([$width - length, 0] | max);
def right($width): " " * ([$width - length, 0] | max) + .;
def percent: "\(. * 50 | round) %"; # of a spread from least to most: so much up and down

def row($series):
    "  " + ($series.label | left(38)) + (.x | if . == "-" then "any" else tostring end | right(10))
    + (.rate.median | tostring | right(12)) + (.rate.spread | percent | right(7))
    + (if .ratio then (.ratio.median * 100 | round / 100 | tostring | right(8)) else "" end);

(.curves[]
 | "\(.title) (\(.x))",
   "  " + ("" | left(38)) + ("x" | right(10)) + ("jobs/s" | right(12)) + ("+-" | right(7)) + ("of raw" | right(8)),
   (.series[] | . as $series | .points[] | row($series)),
   ""),
(.targets[] | "\(.label): \(.value) \(.unit), target \(.target): \(if .met then "ok" else "NO" end)"),
"",
"Each is the median of three. Noise: from least to most, half of the points vary by less than "
+ "\(.noise.median * 100 | round) %, the worst by \(.noise.worst * 100 | round) %. "
+ "\(.jobs) jobs a run; \(.seconds) s."
