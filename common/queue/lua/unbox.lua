#!lua flags=allow-oom
-- unbox: what lies in the inbox goes back to the head of the line, where it wakes another worker: for a keeper that
-- has seen it lie there twice, and for a fetcher that was woken while its pool has no room.
-- KEYS[1] inbox
-- KEYS[2] queue
-- ARGV[1] limit: how many at most
-- Answers how many were moved.
redis.call('LLEN', queue)
local moved = 0
while moved < math.min(tonumber(limit), 1000)
  and redis.call('LMOVE', inbox, queue, 'LEFT', 'RIGHT') do
  moved = moved + 1
end
return moved
