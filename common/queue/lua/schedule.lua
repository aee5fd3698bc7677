#!lua
-- schedule: a producer adds delayed jobs. Members are envelopes made unique by the producer's token, so repeating
-- the call adds nothing.
-- KEYS[1] scheduled
-- ARGV[1] delay_ms
-- ARGV[2...] member
-- Answers how many were added.
--#include _time.lua
local due, added = server_ms() + tonumber(delay_ms), 0
for i = member_at, #ARGV do
  added = added + redis.call('ZADD', scheduled, 'NX', due, ARGV[i])
end
return added
