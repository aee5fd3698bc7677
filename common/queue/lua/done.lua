#!lua flags=allow-oom
-- done: acknowledges jobs. Only entries that this call removes count, so repeating it is harmless.
-- KEYS[1] claimed
-- KEYS[2] workers
-- KEYS[3] counts
-- further KEYS: a reply list for each job that asked for its result
-- ARGV: worker, how long replies are kept in ms, for each further key: number, reply; then the other numbers...
-- Answers {registered 1|0, entries removed}. A worker that has lost its lease changes nothing.
--#include _time.lua
local claimed = KEYS[1]
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0, 0} end
local removed, at = 0, 3
for k = 4, #KEYS do
  if redis.call('HDEL', claimed, ARGV[at]) == 1 then
    removed = removed + 1
    redis.pcall('RPUSH', KEYS[k], ARGV[at + 1])
    redis.pcall('PEXPIRE', KEYS[k], ARGV[2])
  end
  at = at + 2
end
while at <= #ARGV do
  local to = math.min(at + 499, #ARGV)
  removed = removed + redis.call('HDEL', claimed, unpack(ARGV, at, to))
  at = to + 1
end
count(KEYS[3], 'done', removed)
return {1, removed}
