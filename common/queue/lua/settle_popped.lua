#!lua flags=allow-oom
-- settle_popped: outcomes of jobs that an at-most-once worker popped with BRPOP: nothing is recorded of them, so
-- there is nothing to remove. Not sent again when its reply is lost.
-- KEYS[1] counts
-- KEYS[2] dead
-- KEYS[3] settings
-- further KEYS: reply lists
-- ARGV: how long replies are kept in ms, jobs done, number of dead members, those members, then a reply for each
-- further key
-- Answers 1.
--#include _time.lua
--#include _dead.lua
local now = server_ms()
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
local dead = tonumber(ARGV[3])
for i = 4, 3 + dead do add_dead(KEYS[2], KEYS[3], KEYS[1], now, ARGV[i]) end
for k = 4, #KEYS do
  redis.pcall('RPUSH', KEYS[k], ARGV[dead + k])
  redis.pcall('PEXPIRE', KEYS[k], ARGV[1])
end
-- Popped jobs count as claimed here, so that claimed less the outcomes stays what is held.
count(KEYS[1], 'claimed', tonumber(ARGV[2]) + dead)
count(KEYS[1], 'done', tonumber(ARGV[2]))
count(KEYS[1], 'buried', dead)
return 1
