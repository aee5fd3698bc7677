#!lua flags=allow-oom
-- settle_popped: outcomes of jobs that an at-most-once worker popped with BRPOP: nothing is recorded of them, so
-- there is nothing to remove. Not sent again when its reply is lost.
-- KEYS[1] counts
-- KEYS[2] dead
-- KEYS[3] settings
-- KEYS[4...] further: of what follows a job's end
-- ARGV[1] done: how many jobs are done
-- ARGV[2] dead_count: how many members follow
-- ARGV[3...] member: of the dead set
-- ARGV[...] _follow.lua: for each further key
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
