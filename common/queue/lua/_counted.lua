-- How many jobs are held, as the counters tell: what was claimed, less what became of it. (stats.h says the same to C.) `call`
-- is redis.call, or redis.pcall where damaged counters are to stand in no job's way: none are held then.
local function counted_held(call, counts)
  local c = call('HMGET', counts, 'claimed', 'done', 'retried', 'buried', 'released', 'reaped')
  local held = tonumber(c[1]) or 0
  for i = 2, 6 do held = held - (tonumber(c[i]) or 0) end
  return held
end
