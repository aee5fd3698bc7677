#!lua flags=allow-oom
-- tend: what a keeper does for its queue every second or so. The dead set is brought within its limits, and it is noted
-- since when jobs wait: a list of looks, "time:position". Positions number all jobs that ever stood in line; at that time
-- those up to the position stood in it, or had left it. Nothing depends on these notes.
-- KEYS[1] dead
-- KEYS[2] settings
-- KEYS[3] counts
-- KEYS[4] waits
-- KEYS[5...] line: where jobs wait: the queue, its inbox ...
-- ARGV[1] limit: how many dead jobs to throw away at most
-- Answers how many dead jobs were thrown away. Repeatable.
--#include _time.lua
--#include _dead.lua
local LOOKS_MAX, SHARE = 200, 8
local now = server_ms()

-- Of the looks, those that say something of jobs still waiting, and one of now if there are new jobs.
local function look_again(looks, head, tail)
  local kept, last = {}, head
  for i = 1, #looks do
    local time, position = string.match(looks[i], '^(%d+):(%-?%d+)$')
    -- No job is behind the end of the line, so some were thrown away, cancelled, or popped unseen. The clock may have
    -- been set back, too.
    time, position = math.min(tonumber(time or now), now), math.min(tonumber(position or head), tail)
    if position > last then
      kept[#kept + 1] = {time, position}
      last = position
    end
  end
  if last < tail then kept[#kept + 1] = {now, tail} end
  return kept
end

-- The older, the coarser, but to an eighth of the time that has passed.
local function thin_out(kept)
  local thin, before = {}, nil
  for i = 1, #kept do
    local time = kept[i][1]
    if i == #kept or not before or time - before >= (now - time) / SHARE then
      thin[#thin + 1] = kept[i]
      before = time
    end
  end
  return thin
end

local function note_waits()
  local line = 0
  for i = line_at, #KEYS do line = line + redis.call('LLEN', KEYS[i]) end
  if line == 0 then return redis.call('DEL', waits) end
  local c = redis.call('HMGET', counts, 'claimed', 'released', 'reaped')
  local head = (tonumber(c[1]) or 0) - (tonumber(c[2]) or 0) - (tonumber(c[3]) or 0)
  local looks = redis.call('LRANGE', waits, 0, LOOKS_MAX)
  local kept = look_again(looks, head, head + line)
  if #kept > LOOKS_MAX then kept = thin_out(kept) end
  local texts = {}
  for i = math.max(1, #kept - LOOKS_MAX + 1), #kept do
    texts[#texts + 1] = string.format('%.0f:%.0f', kept[i][1], kept[i][2])
  end
  -- Mostly nothing has changed, or one has come at the end.
  local same = 0
  while same < #looks and looks[same + 1] == texts[same + 1] do same = same + 1 end
  if same < #looks then
    redis.call('DEL', waits)
    same = 0
  end
  if same < #texts then redis.call('RPUSH', waits, unpack(texts, same + 1)) end
end

pcall(note_waits)
return trim_dead(dead, settings, counts, now, tonumber(limit))
