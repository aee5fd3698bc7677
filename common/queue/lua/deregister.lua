#!lua flags=allow-oom
-- deregister: a clean exit. Releases everything left and takes the worker off the registry.
-- KEYS[1] claimed
-- KEYS[2] workers
-- KEYS[3] counts
-- KEYS[4] queue
-- KEYS[5] drained
-- KEYS[6] inbox
-- KEYS[7] gone
-- KEYS[8] suspects
-- ARGV[1] worker
-- ARGV[2...] number: of each held job that was started
-- Answers {registered 1|0, entries released, 1 if more is left}: to be called again while more is left.
--#include _time.lua
--#include _envelope.lua
--#include _suspects.lua
--#include _held.lua
--#include _inbox.lua
--#include _gone.lua
redis.call('LLEN', queue)
redis.call('SCARD', drained)
redis.call('LLEN', inbox)
redis.call('LLEN', suspects)
if not redis.call('ZSCORE', workers, worker) then return {0, 0, 0} end
local started = {}
for i = number_at, #ARGV do started[ARGV[i]] = true end
local numbers, total = held_numbers(claimed, 500)
if total > 0 then empty_inbox(inbox, queue) end
local moved, bytes = 0, 0
for i = 1, #numbers do
  local text = redis.call('HGET', claimed, numbers[i])
  if started[numbers[i]] then text = bump(text, 0, worker .. ':' .. numbers[i]) end
  put_first(queue, suspects, text)
  redis.call('HDEL', claimed, numbers[i])
  moved, bytes = moved + 1, bytes + #text
  if bytes > 4194304 then break end
end
count(counts, 'released', moved)
if total > moved then return {1, moved, 1} end
redis.call('DEL', claimed)
remember_gone(gone, worker, server_ms())
redis.call('SREM', drained, worker)
redis.call('ZREM', workers, worker)
return {1, moved, 0}
