#!lua flags=allow-oom
-- done: acknowledges jobs. Only entries that this call removes count, so repeating it is harmless.
-- KEYS[1] claimed
-- KEYS[2] workers
-- KEYS[3] counts
-- further KEYS: lists on which a job's end is told
-- ARGV: worker, for each further key what _tell.lua says; then the numbers of the other jobs
-- Answers {registered 1|0, entries removed}. A worker that has lost its lease changes nothing.
--#include _time.lua
--#include _tell.lua
local claimed = KEYS[1]
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0, 0} end
local removed, at = 0, read_told(4, 2)
for i = 2, at - 1, 4 do
  if redis.call('HDEL', claimed, ARGV[i]) == 1 then
    removed = removed + 1
    tell(ARGV[i])
  end
end
while at <= #ARGV do
  local to = math.min(at + 499, #ARGV)
  removed = removed + redis.call('HDEL', claimed, unpack(ARGV, at, to))
  at = to + 1
end
count(KEYS[3], 'done', removed)
return {1, removed}
