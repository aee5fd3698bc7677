#!lua flags=allow-oom
-- promote: due jobs join the queue at its left end, as if pushed now. But while a drain waits for retries, those are put at the
-- head of the line: they were pushed before the sentinel, and have to come back ahead of it.
-- KEYS[1] scheduled
-- KEYS[2] queue
-- KEYS[3] counts
-- KEYS[4] inbox
-- KEYS[5] settings
-- ARGV[1] limit: how many at most
-- Answers {promoted, next due time or nil, now}.
--#include _time.lua
--#include _due.lua
--#include _inbox.lua
--#include _envelope.lua
local now = server_ms()
local line, boxed = redis.call('LLEN', queue), redis.pcall('LLEN', inbox)
-- If one of these is damaged, that blocks nothing: it counts as no drain.
local awaits = redis.pcall('HGET', settings, 'drain_retries') == '1' and type(boxed) == 'number'
local limit, promoted, bytes = math.min(tonumber(limit), 1000), 0, 0
if awaits and line + boxed == 0 then
  -- The sentinel is gone, for whatever reason.
  redis.call('HDEL', settings, 'drain_retries')
  awaits = false
end

-- Moves those of `due` that a worker has had to the head of the line, first due first. Answers the others.
local function put_ahead(due)
  local others = {}
  for i = #due, 1, -1 do
    if has_been_taken(due[i]) then
      redis.call('RPUSH', queue, due[i])
    else
      table.insert(others, 1, due[i])
    end
  end
  return others
end

while promoted < limit and bytes < 4194304 do
  local due = redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'LIMIT', 0,
    math.min(16, limit - promoted))
  if #due == 0 then break end
  if awaits then empty_inbox(inbox, queue) end
  local late = awaits and put_ahead(due) or due
  if #late > 0 then redis.call('LPUSH', queue, unpack(late)) end
  redis.call('ZREM', scheduled, unpack(due))
  promoted = promoted + #due
  for i = 1, #due do bytes = bytes + #due[i] end
end
count(counts, 'promoted', promoted)
local next_due = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
return {promoted, due_of(next_due[2]), now}
