#!lua flags=allow-oom
-- bury: jobs that will not run again go to the dead set, whole, with the reason in their envelope.
-- KEYS[1] claimed
-- KEYS[2] workers
-- KEYS[3] counts
-- KEYS[4] dead
-- KEYS[5] settings
-- KEYS[6...] further: of what follows a job's end
-- ARGV[1] worker
-- ARGV[2...] _follow.lua: for each further key
-- ARGV[...] number, head, is_whole: for each job, the head of its envelope, and 1 if the whole element is the original
-- Answers {registered 1|0, entries moved}. Acts only on entries that it removes: repeatable.
--#include _time.lua
--#include _envelope.lua
--#include _dead.lua
--#include _follow.lua
local now = server_ms()
redis.call('ZCARD', dead)
redis.call('HLEN', settings)
if not redis.call('ZSCORE', workers, worker) then return {0, 0} end
local moved = 0
for i = read_follow(further_at, follow_at), #ARGV, 3 do
  local text = redis.call('HGET', claimed, ARGV[i])
  if text then
    local original = ARGV[i + 2] == '1' and text or original_of(text)
    add_dead(dead, settings, counts, now, ARGV[i + 1] .. original .. '}')
    redis.call('HDEL', claimed, ARGV[i])
    moved = moved + 1
    follow(ARGV[i])
  end
end
count(counts, 'buried', moved)
return {1, moved}
