#!lua flags=allow-oom
-- purge: throws away all that a list or sorted set of a queue holds.
-- KEYS[1] queue, scheduled or dead
-- KEYS[2] counts
-- Answers how many elements there were.
--#include _time.lua
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 0 end
-- Anything but a list is asked as a sorted set, so that what is none of ours raises an error and stays.
local n = redis.call(kind == 'list' and 'LLEN' or 'ZCARD', KEYS[1])
redis.call('UNLINK', KEYS[1])
count(KEYS[2], 'purged', n)
return n
