# summary.jq - what the repetitions of one number come to.

def median: sort | .[(length - 1) / 2 | floor];
def round_to($digits): . * pow(10; $digits) | round / pow(10; $digits);
def spread: if min > 0 then (max - min) / median else 0 end;

def summary($digits): {
    median: (median | round_to($digits)),
    least: (min | round_to($digits)),
    most: (max | round_to($digits)),
    spread: (spread | round_to(3))
};
