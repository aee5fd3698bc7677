-- How many jobs are held, according to the counters: what was claimed, less what became of it. (stats.h has the same for C.)
-- `call` is redis.call, or redis.pcall if damaged counters must not block jobs: then none count as held.
local function counted_held(call, counts)
  local c = call('HMGET', counts, 'claimed', 'done', 'retried', 'buried', 'released', 'reaped')
  local held = tonumber(c[1]) or 0
  for i = 2, 6 do held = held - (tonumber(c[i]) or 0) end
  return held
end
