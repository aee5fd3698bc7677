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
redis.call('HLEN', claimed)
redis.call('LLEN', queue)
redis.call('LLEN', inbox)
redis.call('LLEN', suspects)
if not redis.call('ZSCORE', workers, worker) then return {0, 0} end
empty_inbox(inbox, queue)
local moved = 0
for i = number_at, #ARGV, 2 do
  local text = redis.call('HGET', claimed, ARGV[i])
  if text then
    if ARGV[i + 1] == '1' then text = bump(text, 0, worker .. ':' .. ARGV[i]) end
    put_first(queue, suspects, text)
    redis.call('HDEL', claimed, ARGV[i])
    moved = moved + 1
  end
end
count(counts, 'released', moved)
return {1, moved}
