#!lua flags=allow-oom
-- mark: the jobs of these ids are to be stopped where they run. Workers see it at their next renewal; a mark that
-- nobody takes back is forgotten after its time.
-- KEYS[1] cancel
-- ARGV[1] keep_ms: how long marks last
-- ARGV[2...] id
-- Answers the server's time in ms.
--#include _time.lua
local now, age = server_ms(), tonumber(keep_ms)
redis.call('ZREMRANGEBYSCORE', cancel, '-inf', now - age)
-- Marks made before the clock was set back would outlive their time; a caller that still needs one makes it again.
redis.call('ZREMRANGEBYSCORE', cancel, '(' .. string.format('%.0f', now + age), '+inf')
for i = id_at, #ARGV do redis.call('ZADD', cancel, now, ARGV[i]) end
redis.call('PEXPIRE', cancel, age)
return now
