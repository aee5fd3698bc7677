#!lua flags=allow-oom
-- renew: a worker keeps its lease and learns, in the same call, what its keeper has to act on.
-- KEYS[1] workers
-- KEYS[2] reaped
-- KEYS[3] scheduled
-- KEYS[4] inbox
-- KEYS[5] cancel
-- KEYS[6] suspects
-- KEYS[7...] order: shutdown keys to be read: the queue's and, where the server has no slots, others
-- ARGV[1] worker
-- ARGV[2] first: rank of the first worker to answer
-- ARGV[3] window: how many of them (the registry may be large)
-- ARGV[4] max_ids: how many ids to answer at most
-- Answers {registered 1|0, now, next due time or nil, length of the inbox, {value of each shutdown key or ''}, number of workers,
-- {worker, score, ...}, {fenced worker, ...}, {id of a job to be stopped, ...}, number of suspects that wait}. Only a damaged `workers` can stand in a renewal's way.
--#include _time.lua
--#include _due.lua
local now = server_ms()
local first, window = tonumber(first), tonumber(window)
local registered = redis.call('ZSCORE', workers, worker) and 1 or 0
local fenced = redis.pcall('SRANDMEMBER', reaped, 10)
local due = redis.pcall('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
local boxed = redis.pcall('LLEN', inbox)
local suspected = redis.pcall('LLEN', suspects)
local cancelled = redis.pcall('ZRANDMEMBER', cancel, max_ids)
local orders = {}
for i = order_at, #KEYS do
  local word = redis.pcall('GET', KEYS[i])
  orders[#orders + 1] = type(word) == 'string' and word or ''
end
if registered == 1 then redis.call('ZADD', workers, 'XX', now, worker) end
return {registered, now, due_of(due[2]), tonumber(boxed) or 0,
  orders, redis.call('ZCARD', workers),
  redis.call('ZRANGE', workers, first, first + window - 1, 'WITHSCORES'),
  fenced.err and {} or fenced, cancelled.err and {} or cancelled, tonumber(suspected) or 0}
