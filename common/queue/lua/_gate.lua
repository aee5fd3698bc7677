-- The limits of a queue: how many jobs a claim may take. Three steps, and a limit has a line in each that it needs:
--   gate_read()     before the first write, so that a key of the wrong type ends the script: what the limits are
--   gate_allows()   how many of n jobs may be taken now; or 0, and in how many ms to ask again
--   gate_commit()   that so many were taken
local function gate_read(settings)
  return redis.call('HMGET', settings, 'paused', 'rate', 'rate_ms', 'rate_at', 'concurrency')
end
-- A rate is a bucket that holds one period's worth of jobs, and `at` the time up to which it is used up. Answers how many
-- it holds now, in how many ms there is one if there is none, and the `at` that both are counted from. That is never in the
-- future, unless the clock was set back: what was allowed by then is forgotten at once, or nothing would be until the clock
-- is there again.
local function bucket_allows(rate, rate_ms, at, now)
  at = math.min(math.max(at, now - rate_ms), now)
  return math.floor((now - at) * rate / rate_ms), math.ceil(rate_ms / rate - (now - at)), at
end
local function gate_allows(gate, settings, counts, now, n)
  local is_paused, rate, rate_ms, rate_at, concurrency = unpack(gate)
  if is_paused then return 0, 1000 end
  rate, rate_ms, concurrency = whole(rate), whole(rate_ms), whole(concurrency)
  gate[2] = false
  if rate and rate_ms and rate > 0 and rate_ms > 0 then
    rate_at = tonumber(string.match(rate_at or '', '^[%d.]+$')) or 0
    if rate_at > now then redis.call('HSET', settings, 'rate_at', string.format('%.0f', now)) end
    local allowed, wait, at = bucket_allows(rate, rate_ms, rate_at, now)
    if allowed < 1 then return 0, wait end
    gate[2], gate[3], gate[4] = rate, rate_ms, at
    n = math.min(n, allowed)
  end
  if concurrency then
    local allowed = concurrency - counted_held(redis.pcall, counts)
    if allowed < 1 then return 0, 100 end
    n = math.min(n, allowed)
  end
  return n
end
local function gate_commit(gate, settings, taken)
  local _, rate, rate_ms, rate_at = unpack(gate)
  if rate then redis.call('HSET', settings, 'rate_at', string.format('%.3f', rate_at + taken * rate_ms / rate)) end
end
