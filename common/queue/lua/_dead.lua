-- Keeps the dead set within the limits that `limit` set, if any: throws away at most `most` jobs for each. Answers how many.
-- A death later than now happened before the clock was set back: it counts as now, or jobs that die meanwhile would look
-- older, and be thrown away first.
local function trim_dead(dead, settings, counts, now, most)
  local limit = redis.call('HMGET', settings, 'dead_max', 'dead_age_ms')
  local max, age = whole(limit[1]), whole(limit[2])
  local trimmed = 0
  local moved, bytes = 0, 0
  while (max or age) and moved < most and bytes < 4194304 do
    local ahead = redis.call('ZRANGEBYSCORE', dead, now + 1000, '+inf', 'LIMIT', 0, 16)
    if #ahead == 0 then break end
    for _, member in ipairs(ahead) do
      redis.call('ZADD', dead, 'XX', now, member)
      moved, bytes = moved + 1, bytes + #member
    end
  end
  if age then
    local old = math.min(redis.call('ZCOUNT', dead, '-inf', now - age), most)
    if old > 0 then trimmed = redis.call('ZREMRANGEBYRANK', dead, 0, old - 1) end
  end
  if max then
    local excess = math.min(redis.call('ZCARD', dead) - max, most)
    if excess > 0 then
      trimmed = trimmed + redis.call('ZREMRANGEBYRANK', dead, 0, excess - 1)
    end
  end
  count(counts, 'trimmed', trimmed)
  return trimmed
end
-- Adds a member to the dead set, within the limits.
local function add_dead(dead, settings, counts, now, member)
  redis.call('ZADD', dead, now, member)
  trim_dead(dead, settings, counts, now, 100)
end
