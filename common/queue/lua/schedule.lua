#!lua
-- schedule: a producer adds delayed jobs. Members are envelopes made unique by the producer's token, so repeating
-- the call adds nothing.
-- KEYS[1] scheduled
-- ARGV[1] delay_ms
-- ARGV[2...] member
-- Answers how many were added.
--#include _time.lua
local due, added = server_ms() + tonumber(ARGV[1]), 0
for i = 2, #ARGV do
  added = added + redis.call('ZADD', KEYS[1], 'NX', due, ARGV[i])
end
return added
