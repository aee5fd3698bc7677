#!lua flags=allow-oom
-- promote: due jobs join the queue at its left end, as if pushed now.
-- KEYS[1] scheduled
-- KEYS[2] queue
-- KEYS[3] counts
-- ARGV: how many at most
-- Answers {promoted, next due time or nil, now}.
--#include _time.lua
--#include _due.lua
local now = server_ms()
redis.call('LLEN', KEYS[2])
local limit, promoted, bytes = math.min(tonumber(ARGV[1]), 1000), 0, 0
while promoted < limit and bytes < 4194304 do
  local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0,
    math.min(16, limit - promoted))
  if #due == 0 then break end
  redis.call('LPUSH', KEYS[2], unpack(due))
  redis.call('ZREM', KEYS[1], unpack(due))
  promoted = promoted + #due
  for i = 1, #due do bytes = bytes + #due[i] end
end
count(KEYS[3], 'promoted', promoted)
local next_due = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {promoted, due_of(next_due[2]), now}
