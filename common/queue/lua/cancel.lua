#!lua flags=allow-oom
-- cancel: a job that waits or is delayed goes to the dead set, with the reason in its envelope.
-- KEYS[1] home: where it is: queue, inbox or scheduled
-- KEYS[2] dead
-- KEYS[3] settings
-- KEYS[4] counts
-- KEYS[5...] further: of what follows a job's end
-- ARGV[1] element: as it is there
-- ARGV[2] member: what it becomes
-- ARGV[3...] _follow.lua: for each further key
-- Answers 1 if it was there. Acts only on what it removes: repeatable.
--#include _time.lua
--#include _dead.lua
--#include _follow.lua
local now = server_ms()
local _, numbers = read_follow(5, 3)
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
local is_list = redis.call('TYPE', KEYS[1]).ok == 'list'
local removed = redis.call(is_list and 'LREM' or 'ZREM', KEYS[1], unpack(is_list and {-1, ARGV[1]} or {ARGV[1]}))
if removed == 0 then return 0 end
add_dead(KEYS[2], KEYS[3], KEYS[4], now, ARGV[2])
for i = 1, #numbers do follow(numbers[i]) end
count(KEYS[4], 'cancelled', 1)
return 1
