#!lua flags=allow-oom
-- retry: jobs that failed, or could not be begun, run again later. Each is taken from what the worker holds and wrapped anew.
-- KEYS[1] claimed
-- KEYS[2] workers
-- KEYS[3] counts
-- KEYS[4] scheduled
-- ARGV[1] worker
-- ARGV[2...] number, delay_ms, head, is_whole: for each job, the head of its new envelope, 1 if the whole element is the original
-- Answers {registered 1|0, entries moved}. Acts only on entries that it removes: repeatable.
--#include _time.lua
--#include _envelope.lua
local now = server_ms()
redis.call('ZCARD', scheduled)
if not redis.call('ZSCORE', workers, worker) then return {0, 0} end
local moved = 0
for i = number_at, #ARGV, 4 do
  local text = redis.call('HGET', claimed, ARGV[i])
  if text then
    local original = ARGV[i + 3] == '1' and text or original_of(text)
    redis.call('ZADD', scheduled, now + tonumber(ARGV[i + 1]), ARGV[i + 2] .. original .. '}')
    redis.call('HDEL', claimed, ARGV[i])
    moved = moved + 1
  end
end
count(counts, 'retried', moved)
return {1, moved}
