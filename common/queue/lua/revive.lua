#!lua
-- revive: members of the dead set go back to the queue, as `darg dead retry` asks.
-- KEYS[1] dead
-- KEYS[2] queue
-- KEYS[3] counts
-- ARGV[1...] member, element: and the element that takes its place
-- Answers how many were moved. Acts only on members that it removes: repeatable.
--#include _time.lua
redis.call('LLEN', queue)
local moved = 0
for i = member_at, #ARGV, 2 do
  if redis.call('ZREM', dead, ARGV[i]) == 1 then
    redis.call('LPUSH', queue, ARGV[i + 1])
    moved = moved + 1
  end
end
count(counts, 'revived', moved)
return moved
