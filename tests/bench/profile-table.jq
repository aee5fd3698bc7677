# profile-table.jq - the JSON of tests/bench/profile for a terminal.

include "prose";

def right($width): " " * ([$width - length, 0] | max) + .;
def share: "\(.share * 100 | digits(1) | right(8)) %  \(.name)";

"Of the CPU time of both, Redis uses \(.redis_share | percent). Redis:",
(.redis[] | share),
"The worker, by threads (all that run jobs are one here):",
(.worker_threads[] | share),
"The worker, by functions:",
(.worker_functions[] | share + " (\(.thread))"),
"The worker, \(.instructions) instructions a job:",
(.functions[] | "\(.count | digits(1) | right(8))    \(.name)"),
"Allocations a job: " + (.heap | to_entries | map("\(.key) \(.value | digits(2))") | join(", ")),
"System calls a job: \(.all_calls | digits(4)); of them "
+ (.calls | map("\(.name) \(.count | digits(4))") | join(", ")),
"A thread goes to sleep \(.switches | digits(4)) times a job."
