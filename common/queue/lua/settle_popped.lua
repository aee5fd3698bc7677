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
redis.call('ZCARD', dead)
redis.call('HLEN', settings)
local n = tonumber(dead_count)
local _, numbers = read_follow(further_at, member_at + n)
for i = member_at, member_at + n - 1 do add_dead(dead, settings, counts, now, ARGV[i]) end
for i = 1, #numbers do follow(numbers[i]) end
-- Popped jobs are counted as claimed here, so that claimed less the outcomes is still what is held.
count(counts, 'claimed', tonumber(done) + n)
count(counts, 'done', tonumber(done))
count(counts, 'buried', n)
return 1
