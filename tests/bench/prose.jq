# prose.jq - numbers as people write them, and the sentences that figures choose.

def digits($n):
    . * pow(10; $n) | round
    | if $n == 0 then tostring
      else tostring | (if startswith("-") then "-" else "" end) as $sign | ltrimstr("-")
           | if length <= $n then "0" * ($n + 1 - length) + . else . end
           | "\($sign)\(.[:length - $n]).\(.[length - $n:])" end;

def commas:
    round | tostring
    | [match("^(-?[0-9]{1,3}?)((?:[0-9]{3})*)$").captures[].string] as [$head, $tail]
    | [$head] + [$tail | match("[0-9]{3}"; "g").string] | join(",");

def in_unit($unit):
    if $unit == "jobs/s" then "\(commas) jobs/s"
    elif $unit == "us/job" then "\(digits(2)) µs"
    elif $unit == "us" then "\(commas) µs"
    elif $unit == "B" then "\(commas) B"
    elif $unit == "times" then "\(digits(2)) times"
    else "\(digits(1)) \($unit)" end;

# A row's figures.
def value_shown: .unit as $unit | .value | in_unit($unit);
def raw_shown: .unit as $unit | .raw_value | in_unit($unit);

# A makespan as so much more than the ideal.
def over: if . < 0 then "-\(. * -100 | digits(1)) %" else "+\(. * 100 | digits(1)) %" end;

def percent: "\(. * 100 | round) %";

def x_name: if type == "number" then commas else tostring end;

# One sentence about the least and most of a curve's first series.
def best_and_worst:
    .series[0] as $series
    | ($series.points | max_by(.rate.median)) as $best
    | ($series.points | min_by(.rate.median)) as $worst
    | "\($series.label): from \($worst.rate.median | commas) jobs/s at \($worst.x | x_name) to "
      + "\($best.rate.median | commas) at \($best.x | x_name) (\(.x)).";
