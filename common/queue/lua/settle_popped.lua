#!lua flags=allow-oom
-- settle_popped: outcomes of jobs that an at-most-once worker popped with BRPOP: nothing is recorded of them, so
-- there is nothing to remove. Not sent again when its reply is lost.
-- KEYS[1] counts
-- KEYS[2] dead
-- KEYS[3] settings
-- further KEYS: of what follows a job's end
-- ARGV: jobs done, number of dead members, those members, then for each further key what _follow.lua says
-- Answers 1.
--#include _time.lua
--#include _dead.lua
--#include _follow.lua
local now = server_ms()
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
local dead = tonumber(ARGV[2])
local _, numbers = read_follow(4, 3 + dead)
for i = 3, 2 + dead do add_dead(KEYS[2], KEYS[3], KEYS[1], now, ARGV[i]) end
for i = 1, #numbers do follow(numbers[i]) end
-- Popped jobs count as claimed here, so that claimed less the outcomes stays what is held.
count(KEYS[1], 'claimed', tonumber(ARGV[1]) + dead)
count(KEYS[1], 'done', tonumber(ARGV[1]))
count(KEYS[1], 'buried', dead)
return 1
