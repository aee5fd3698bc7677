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
redis.call('LLEN', KEYS[4])
redis.call('SCARD', KEYS[5])
redis.call('LLEN', KEYS[6])
redis.call('LLEN', KEYS[8])
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0, 0, 0} end
local started = {}
for i = 2, #ARGV do started[ARGV[i]] = true end
local numbers, total = held_numbers(KEYS[1], 500)
if total > 0 then empty_inbox(KEYS[6], KEYS[4]) end
local moved, bytes = 0, 0
for i = 1, #numbers do
  local text = redis.call('HGET', KEYS[1], numbers[i])
  if started[numbers[i]] then text = bump(text, 0, ARGV[1] .. ':' .. numbers[i]) end
  put_first(KEYS[4], KEYS[8], text)
  redis.call('HDEL', KEYS[1], numbers[i])
  moved, bytes = moved + 1, bytes + #text
  if bytes > 4194304 then break end
end
count(KEYS[3], 'released', moved)
if total > moved then return {1, moved, 1} end
redis.call('DEL', KEYS[1])
remember_gone(KEYS[7], ARGV[1], server_ms())
redis.call('SREM', KEYS[5], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return {1, moved, 0}
