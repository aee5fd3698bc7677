#!lua
-- push: a producer adds jobs, as many as the queue's bound leaves room for.
-- Without allow-oom: a full Redis refuses new jobs, so that it can still drain.
-- KEYS[1] queue
-- KEYS[2] settings
-- ARGV[1...] job: none asks whether a push would be let through
-- Answers {accepted, length of the queue afterwards}. Jobs beyond `accepted` were not taken.
-- Not repeatable by itself: a producer whose reply was lost may push a job twice (same id).
--#include _time.lua
local n = #ARGV
local length = redis.call('LLEN', queue)
local max = whole(redis.call('HGET', settings, 'max_len'))
if max then n = math.max(0, math.min(n, max - length)) end
local at = 1
while at <= n do
  local to = math.min(at + 499, n)
  length = redis.call('LPUSH', queue, unpack(ARGV, at, to))
  at = to + 1
end
return {n, length}
