#!lua flags=allow-oom
-- bury: jobs that will not run again go to the dead set, whole, with the reason in their envelope.
-- KEYS[1] claimed
-- KEYS[2] workers
-- KEYS[3] counts
-- KEYS[4] dead
-- KEYS[5] settings
-- further KEYS: reply lists
-- ARGV: worker, how long replies are kept in ms, then for each job: number, head of its envelope, 1 if the whole
-- element is the original, index of its reply list among the further KEYS (0: none), reply
-- Answers {registered 1|0, entries moved}. Acts only on entries that it removes: repeatable.
--#include _time.lua
--#include _envelope.lua
--#include _dead.lua
local now = server_ms()
redis.call('ZCARD', KEYS[4])
redis.call('HLEN', KEYS[5])
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0, 0} end
local moved = 0
for i = 3, #ARGV, 5 do
  local text = redis.call('HGET', KEYS[1], ARGV[i])
  if text then
    local original = ARGV[i + 2] == '1' and text or original_of(text)
    add_dead(KEYS[4], KEYS[5], KEYS[3], now, ARGV[i + 1] .. original .. '}')
    redis.call('HDEL', KEYS[1], ARGV[i])
    moved = moved + 1
    local reply = KEYS[5 + tonumber(ARGV[i + 3])]
    if ARGV[i + 3] ~= '0' and reply then
      redis.pcall('RPUSH', reply, ARGV[i + 4])
      redis.pcall('PEXPIRE', reply, ARGV[2])
    end
  end
end
count(KEYS[3], 'buried', moved)
return {1, moved}
