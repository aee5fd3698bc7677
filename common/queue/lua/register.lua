#!lua flags=allow-oom
-- register: a worker enters under a new name, before its first claim.
-- KEYS[1] workers
-- KEYS[2] reaped
-- KEYS[3] settings
-- KEYS[4] gone
-- ARGV[1] worker
-- ARGV[2] age_ms: of its process
-- ARGV[3...] known: the last drain the process was told of ('': none), if it has been answered before
-- Answers {'ok' | 'drained' | 'fenced', now, last drain or ''}. drained: a drain was completed after the process had
-- started, or since the one it knows; the worker belongs to those that were to leave. Else what is answered is what it knows
-- from now on, also if that is older. fenced: the name has left, and
-- names are never reused.
--#include _time.lua
--#include _gone.lua
--#include _drains.lua
local now = server_ms()
redis.call('ZCARD', workers)
if redis.call('SISMEMBER', reaped, worker) == 1 or is_gone(gone, worker) then return {'fenced', now} end
local state, known = redis.call('HMGET', settings, 'drained_at', 'drain_number'), ARGV[known_at]
local drain, at, is_drained = drain_name(state[2], state[1]), whole(state[1]), nil
if known then
  is_drained = is_later_drain(drain, known)
else
  -- A time in the future was written before the clock was set back: it says nothing.
  is_drained = at and at <= now and at >= now - tonumber(age_ms)
end
if is_drained then return {'drained', now, drain} end
redis.call('ZADD', workers, now, worker)
return {'ok', now, drain}
