-- Names that have left, reaped or by themselves, are refused for an hour: a late register must not bring one back, and a
-- late claim after it must not reuse numbers that their owner still knows. A damaged key blocks nobody.
local GONE_MS = 3600000
local function is_gone(gone, worker)
  return type(redis.pcall('ZSCORE', gone, worker)) == 'string'
end
local function remember_gone(gone, worker, now)
  local old = redis.pcall('ZRANGEBYSCORE', gone, '-inf', now - GONE_MS, 'LIMIT', 0, 100)
  if not old.err and #old > 0 then redis.call('ZREM', gone, unpack(old)) end
  redis.pcall('ZADD', gone, now, worker)
  redis.pcall('PEXPIRE', gone, GONE_MS)
end
