# plots.jq - a gnuplot script with a plot for each curve of docs/performance.json; $dir is where they go.

def colours: {darg: "#1f5fa8", raw: "#8a8a8a", push: "#c8641e", auto: "#2b8a4b", beside: "#1f5fa8", due: "#c8641e"};
def quoted: "'" + gsub("'"; "’") + "'";

def is_numeric: [.series[].points[].x | select(. != "-") | type == "number"] | all;
def spans_decades: [.series[].points[].x | select(type == "number" and . > 0)] | length > 2 and max / min >= 30;
def rates_span_decades: [.series[].points[].rate | .least, .most] | min > 0 and max / min > 50;

# Where there are few values of x, or names, they stand side by side.
def positions: [.series[0].points[].x];
def position($curve): . as $x | if $curve | is_numeric and spans_decades then $x else $curve | positions | index($x) end;

# A series that does not depend on x is a line from end to end.
def data($curve):
    .points as $points
    | "$\($curve.name)_\(.name) << END",
      (if $points[0].x == "-"
       then ([$curve | positions[] | position($curve)] | (min, max)) as $at
            | $points[0].rate | "\($at) \(.median) \(.least) \(.most)"
       else $points[] | "\(.x | position($curve)) \(.rate.median) \(.rate.least) \(.rate.most)" end),
      "END";

def drawn($curve; $scale):
    "$\($curve.name)_\(.name) using 1:($2/\($scale)):($3/\($scale)):($4/\($scale)) with yerrorlines "
    + "lc rgb '\(colours[.name])' lw 2 pt 7 ps 0.6 title \(.label | quoted)";

def axes:
    . as $curve
    | (if is_numeric and spans_decades
       then "set logscale x", "set xrange [\([positions[] | numbers] | min * 0.7):\([positions[] | numbers] | max * 1.4)]", "set xtics auto", "set format x '%.0s%c'"
       else "unset logscale x", "set xrange [-0.3:\((positions | length) - 0.7)]", "set format x '%s'",
            "set xtics (\([positions | to_entries[] | "\(.value | tostring | quoted) \(.key)"] | join(", ")))" end),
      (if rates_span_decades
       then "set logscale y", "set yrange [*:*]", "set format y '%.0s%c'", "set ylabel 'jobs/s'"
       else "unset logscale y", "set yrange [0:*]", "set format y '%.0f'", "set ylabel 'thousand jobs/s'" end);

def plot_curve($dir):
    . as $curve
    | "set output \("\($dir)/\(.name).svg" | quoted)",
      "set title \(.title | quoted)",
      "set xlabel \(.x | quoted) offset 0,0.5",
      axes,
      (.series[] | data($curve)),
      "plot " + ([.series[] | drawn($curve; if $curve | rates_span_decades then 1 else 1000 end)] | join(", \\\n  "));

def plot_prefetch($dir):
    "set output \("\($dir)/prefetch.svg" | quoted)",
    "set title 'Makespan beside the ideal schedule'",
    "unset xlabel",
    "set ylabel '% longer'", "set format y '%.0f'",
    "unset logscale x", "unset logscale y", "set yrange [*:*]",
    "set xrange [-0.6:\((.variants | length) - 0.4)]", "set format x '%s'", "set xtics autofreq",
    "set style data histograms", "set style histogram clustered gap 1", "set style fill solid 0.8",
    "$prefetch << END",
    (.variants[] | "\"\(.label)\" \(.mixed_over.median * 100) \(.phases_over.median * 100) \(.few_over.median * 100)"),
    "END",
    "plot $prefetch using 2:xtic(1) lc rgb '#1f5fa8' title 'mixed', $prefetch using 3 lc rgb '#c8641e' title 'phases', \\\n"
    + "  $prefetch using 4 lc rgb '#2b8a4b' title 'few'";

"set terminal svg size 760,440 font 'sans-serif,13' background '#ffffff'",
"set key outside below horizontal",
"set grid ytics lc rgb '#dddddd'",
"set border 3",
"set tics nomirror",
(.curves.curves[] | plot_curve($dir)),
(.prefetch | select(.) | plot_prefetch($dir))
