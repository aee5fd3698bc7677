#!lua flags=allow-oom
-- cancel: a job that waits or is delayed goes to the dead set, with the reason in its envelope.
-- KEYS[1] place: where it is: queue, inbox or scheduled
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
local _, numbers = read_follow(further_at, follow_at)
redis.call('ZCARD', dead)
redis.call('HLEN', settings)
local is_list = redis.call('TYPE', place).ok == 'list'
local removed = redis.call(is_list and 'LREM' or 'ZREM', place, unpack(is_list and {-1, element} or {element}))
if removed == 0 then return 0 end
add_dead(dead, settings, counts, now, member)
for i = 1, #numbers do follow(numbers[i]) end
count(counts, 'cancelled', 1)
return 1
