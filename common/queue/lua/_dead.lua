-- Adds a member to the dead set and keeps the set within the limits that `limit` set, if any.
local function add_dead(dead, settings, counts, now, member)
  redis.call('ZADD', dead, now, member)
  local limit = redis.call('HMGET', settings, 'dead_max', 'dead_age_ms')
  local max, age = whole(limit[1]), whole(limit[2])
  local trimmed = 0
  if age then
    local old = redis.call('ZRANGEBYSCORE', dead, '-inf', now - age, 'LIMIT', 0, 100)
    if #old > 0 then trimmed = redis.call('ZREM', dead, unpack(old)) end
  end
  if max then
    local excess = math.min(redis.call('ZCARD', dead) - max, 100)
    if excess > 0 then
      trimmed = trimmed + redis.call('ZREMRANGEBYRANK', dead, 0, excess - 1)
    end
  end
  count(counts, 'trimmed', trimmed)
end
