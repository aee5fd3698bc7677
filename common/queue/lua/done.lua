#!lua flags=allow-oom
-- done: acknowledges jobs. Only entries that this call removes count, so repeating it is harmless.
-- KEYS[1] claimed
-- KEYS[2] workers
-- KEYS[3] counts
-- KEYS[4...] further: of what follows a job's end
-- ARGV[1] worker
-- ARGV[2...] _follow.lua: for each further key
-- ARGV[...] number: of each other job
-- Answers {registered 1|0, entries removed}. A worker that has lost its lease changes nothing.
--#include _time.lua
--#include _follow.lua
if not redis.call('ZSCORE', workers, worker) then return {0, 0} end
local removed, at, numbers = 0, read_follow(further_at, follow_at)
for i = 1, #numbers do
  if redis.call('HDEL', claimed, numbers[i]) == 1 then
    removed = removed + 1
    follow(numbers[i])
  end
end
while at <= #ARGV do
  local to = math.min(at + 499, #ARGV)
  removed = removed + redis.call('HDEL', claimed, unpack(ARGV, at, to))
  at = to + 1
end
count(counts, 'done', removed)
return {1, removed}
