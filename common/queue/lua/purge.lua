#!lua flags=allow-oom
-- purge: throws away all that the lists and sorted sets of a queue hold, in one step: a job that changes its place
-- meanwhile does not escape.
-- KEYS[1] counts
-- KEYS[2...] place: where jobs are: the queue, its inbox, scheduled, dead ...
-- Answers how many elements each had.
--#include _time.lua
local lengths, total = {}, 0
for i = place_at, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  -- Anything but a list is read as a sorted set, so that a key that is not ours raises an error and everything stays.
  lengths[#lengths + 1] = kind == 'none' and 0 or redis.call(kind == 'list' and 'LLEN' or 'ZCARD', KEYS[i])
  total = total + lengths[#lengths]
end
for i = place_at, #KEYS do redis.call('UNLINK', KEYS[i]) end
count(counts, 'purged', total)
return lengths
