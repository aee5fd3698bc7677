#!lua flags=allow-oom
-- collect: a producer that waits takes results off its reply list.
-- KEYS[1] reply: the producer's reply list
-- KEYS[2] cursor: how many results have been taken off so far
-- ARGV[1] received: how many results the producer has received in all
-- ARGV[2] max: how many to answer at most
-- ARGV[3] keep_ms: how long the cursor is kept
-- Answers the next results, no more than a quarter of a mebibyte of them, but one: an answer that is too large for
-- whoever is between would be cut off each time that it is asked for. They are taken off only by a later call, which says that they have been received:
-- repeatable, and an old request delivered late changes nothing. A cursor that is gone (expired, or lost with a
-- server's memory) went together with the results received before.
local received = tonumber(received)
local taken = tonumber(redis.call('GET', cursor) or '')
if taken and received > taken then redis.call('LTRIM', reply, received - taken, -1) end
if not taken or received > taken then redis.call('SET', cursor, received) end
redis.call('PEXPIRE', cursor, keep_ms)
local results, bytes, answered = redis.call('LRANGE', reply, 0, tonumber(max) - 1), 0, {}
for i = 1, #results do
  bytes = bytes + #results[i]
  if i > 1 and bytes > 262144 then break end
  answered[i] = results[i]
end
return answered
