#!lua flags=allow-oom
-- release: a worker gives jobs back, first in line and in the old order; suspects to their own line.
-- KEYS[1] claimed
-- KEYS[2] workers
-- KEYS[3] counts
-- KEYS[4] queue
-- KEYS[5] inbox
-- KEYS[6] suspects
-- ARGV[1] worker
-- ARGV[2...] number, was_started: in descending order of number, and 1 if it was started (runs + 1) or 0
-- Answers {registered 1|0, entries moved}. Acts only on entries that it removes: repeatable.
--#include _time.lua
--#include _envelope.lua
--#include _suspects.lua
--#include _inbox.lua
redis.call('HLEN', KEYS[1])
redis.call('LLEN', KEYS[4])
redis.call('LLEN', KEYS[5])
redis.call('LLEN', KEYS[6])
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0, 0} end
empty_inbox(KEYS[5], KEYS[4])
local moved = 0
for i = 2, #ARGV, 2 do
  local text = redis.call('HGET', KEYS[1], ARGV[i])
  if text then
    if ARGV[i + 1] == '1' then text = bump(text, 0, ARGV[1] .. ':' .. ARGV[i]) end
    put_first(KEYS[4], KEYS[6], text)
    redis.call('HDEL', KEYS[1], ARGV[i])
    moved = moved + 1
  end
end
count(KEYS[3], 'released', moved)
return {1, moved}
