#!/bin/sh
# tools/embed-lua refuses a script whose head and body disagree, each with one sentence that says where, what, and what to do.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp tools/embed-lua tools/embed-lua.awk "$work"
cd "$work"
failed=0

fail() {
    echo "$1"
    [ ! -s said ] || sed 's/^/    /' said
    failed=1
}
# refused WHERE WORDS...: try.lua, standard input, is refused by both outputs; these words stand in the sentence.
refused() {
    where=$1
    shift
    cat >try.lua
    for out in out.h out.c; do
        if ./embed-lua "$out" try.lua >said 2>&1; then
            fail "nothing was said of: $where: $*"
            return
        fi
        [ "$(wc -l <said)" = 1 ] || fail "one sentence was due: $where: $*"
        grep -q "^$where: " said || fail "another place was due: $where: $*"
        for word; do
            grep -qF -- "$word" said || fail "\"$word\" was due:"
        done
        [ ! -e "$out" ] || fail "something was made of what is refused"
    done
}
cat >_part.lua <<'END'
-- ARGV[...] a, b: what the part takes
local function take(at) return ARGV[at] end
END
cat >_plain.lua <<'END'
local function second() return KEYS[2] end
END

refused try.lua:3 'KEYS[1] is to be declared here' 'without gaps' <<'END'
#!lua
-- try: counts wrong.
-- KEYS[2] queue
return queue
END
refused try.lua:4 'ARGV[2] is to be declared here, not ARGV[3]' <<'END'
#!lua
-- try: has a gap.
-- ARGV[1] worker
-- ARGV[3] base
return {worker, base}
END
refused try.lua:4 'KEYS[2] is used, but not declared' 'put "-- KEYS[2] name" into the head' <<'END'
#!lua
-- try: uses too much.
-- KEYS[1] queue
return redis.call('LMOVE', queue, KEYS[2], 'LEFT', 'RIGHT')
END
refused try.lua:4 'KEYS[1] is used by its number' 'write its name, queue' <<'END'
#!lua
-- try: goes by numbers.
-- KEYS[1] queue
return KEYS[1]
END
refused try.lua:4 'ARGV[3] is used by its number' 'write ARGV[base_at]' <<'END'
#!lua
-- try: goes by the numbers of what is repeated.
-- ARGV[1...] base
return ARGV[3]
END
refused try.lua:5 'a number says where ARGV is repeated' 'write number_at' <<'END'
#!lua
-- try: begins elsewhere than its head.
-- ARGV[1] worker
-- ARGV[2...] number
for i = 1, #ARGV do redis.call('GET', worker .. ARGV[i]) end
END
refused _plain.lua:1 'KEYS[2] is used by its number' 'parameter' <<'END'
#!lua
-- try: includes what goes by numbers.
-- KEYS[1] queue
--#include _plain.lua
return {queue, second()}
END
refused try.lua:4 'ARGV[2] base is declared, but the script does not use it' 'take it out of the head' <<'END'
#!lua
-- try: declares too much.
-- ARGV[1] worker
-- ARGV[2] base
-- The comment uses base.
return worker -- not base
END
refused try.lua:4 'KEYS[2] inbox is declared, but the script does not use it' <<'END'
#!lua
-- try: has the name of a key in a text only.
-- KEYS[1] queue
-- KEYS[2] inbox
return redis.call('GET', queue .. ':inbox')
END
refused try.lua:4 'ARGV is used, but try.lua does not declare that it is repeated' 'put "-- ARGV[2...] name"' <<'END'
#!lua
-- try: takes more than it declares.
-- ARGV[1] worker
for i = 1, #ARGV do redis.call('GET', worker) end
END
refused try.lua:3 'KEYS is declared as repeated' 'take this line out' <<'END'
#!lua
-- try: declares more than it takes.
-- KEYS[1...] list
return 1
END
refused try.lua:3 'KEYS[1...] is to be declared here' <<'END'
#!lua
-- try: begins its lists too late.
-- KEYS[2...] list
return #KEYS
END
refused try.lua:4 'move this above' <<'END'
#!lua
-- try: has something behind its lists.
-- KEYS[1...] list
-- KEYS[2] queue
return #KEYS
END
refused try.lua:4 'can only be repeated once' <<'END'
#!lua
-- try: has two kinds of lists.
-- KEYS[1...] list
-- KEYS[...] other
return #KEYS
END
refused try.lua:4 'queue is declared twice, here and at try.lua:3' <<'END'
#!lua
-- try: says a name twice.
-- KEYS[1] queue
-- ARGV[1] queue
return queue
END
refused try.lua:3 '"its worker" is no name' 'behind a colon' <<'END'
#!lua
-- try: explains without a colon.
-- ARGV[1] its worker
return 1
END
refused try.lua:3 'this is no declaration' <<'END'
#!lua
-- try: declares all at once.
-- ARGV: worker, base
return worker
END
refused try.lua:4 'move this up' <<'END'
#!lua
-- try: declares where nobody looks.
local one = 1
-- ARGV[1] worker
return worker
END
refused try.lua:2 'a head begins with what the script does' <<'END'
#!lua
-- KEYS[1] queue
return queue
END
refused try.lua:1 'the first line must be #!lua' <<'END'
-- try: has no first line.
return 1
END
refused try.lua:3 '_part.lua is not included' 'write --#include _part.lua' <<'END'
#!lua
-- try: names a part that it does not have.
-- ARGV[1...] _part.lua
return #ARGV
END
refused _part.lua:1 'try.lua includes this, but does not declare it' '"-- ARGV[2...] _part.lua"' <<'END'
#!lua
-- try: has a part that takes what it does not declare.
-- ARGV[1] worker
--#include _part.lua
return take(1) == worker
END
refused try.lua:3 'cannot read _none.lua' <<'END'
#!lua
-- try: includes what is not there.
--#include _none.lua
return 1
END
refused try.lua 'its head says take, which _part.lua:2 calls something of its own' 'another name' <<'END'
#!lua
-- try: calls a key as the part calls a function.
-- KEYS[1] take
-- ARGV[1...] _part.lua
--#include _part.lua
return {take, ARGV[part_at]}
END

# What is right, and what becomes of it.
cat >try.lua <<'END'
#!lua flags=allow-oom
-- try: takes everything.
-- KEYS[1] queue
-- KEYS[2...] list: where it is told
-- ARGV[1] worker: who asks
-- ARGV[2...] _part.lua
-- ARGV[...] number, head
--#include _part.lua
return {queue, #KEYS - list_at, worker, #ARGV - part_at}
END
for out in out.h out.c; do ./embed-lua "$out" try.lua >said 2>&1 || fail 'what is right is refused:'; done
: >said
for line in 'const char \*queue;' 'const struct request \*list; /\* where it is told \*/' \
    'struct script_value worker; /\* who asks \*/' 'const struct request \*part;' \
    'void script_part_add(struct request \*request, const struct script_part_item \*item);' \
    'void script_try_add(struct request \*request, const struct script_try_item \*item);'; do
    grep -q "$line" out.h || fail "the header lacks $line"
done
tr -d '\n' <out.c | grep -qF "$(printf '%s' 'call->queue, "try: queue");    request_add_all(request, call->list);' \
    '    script_add(request, &call->worker, "try: worker");    request_add_all(request, call->part);}')" ||
    fail 'the order is not that of the head'
grep -qF '"local queue, worker, list_at, part_at = KEYS[1], ARGV[1], 2, 2\n"' out.c || fail 'the script lacks its names'

# Of a part only what the script calls, by whatever way.
cat >_many.lua <<'END'
local MOST = 3
local function first()
  if MOST then
    return 1
  end
end
local function never_called() return MOST end
local function second()
  return first()
end
local function only_by_the_unused()
  for i = 1, MOST do never_called() end
end
local function third_never_called()
  return only_by_the_unused()
end
local function last(a) return second(a) end
END
cat >try.lua <<'END'
#!lua
-- try: calls some.
-- KEYS[1] queue
--#include _many.lua
return last(queue)
END
./embed-lua out.c try.lua
sed -n 's/^        "\(.*\)\\n".*/\1/p' out.c >sent
cat >due <<'END'
#!lua
local MOST = 3
local function first()
if MOST then
return 1
end
end
local function second()
return first()
end
local function last(a) return second(a) end
local queue = KEYS[1]
return last(queue)
END
cp due said
diff due sent >>said || fail 'of the part, this was due, and something else was sent:'
exit $failed
