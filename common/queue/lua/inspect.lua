#!lua flags=no-writes
-- inspect: what Redis knows of one worker, as of one moment: for `darg fsck`.
-- KEYS[1] workers
-- KEYS[2] reaped
-- KEYS[3] claimed
-- ARGV[1] worker
-- Answers {type of claimed, score or nil, 1 if it is being reaped, jobs, 1 if the receipt fits them, now, {field that is
-- no claim number, ...}}. At most 500 such fields are answered; a holding so large that listing it would hold up the
-- server is not looked into.
--#include _time.lua
--#include _held.lua
--#include _receipt.lua
local kind = redis.call('TYPE', claimed).ok
local score = redis.call('ZSCORE', workers, worker)
local is_reaped = redis.call('SISMEMBER', reaped, worker)
local jobs, fits, odd = 0, 1, {}
if kind == 'hash' then
  jobs = held_count(claimed)
  local receipt = redis.call('HGET', claimed, 'last')
  local highest = 0
  for _, field in ipairs(jobs <= 20000 and redis.call('HKEYS', claimed) or {}) do
    if string.find(field, '^[1-9]%d*$') and #field <= 15 then
      highest = math.max(highest, tonumber(field))
    elseif not NO_JOBS[field] and #odd < 500 then
      odd[#odd + 1] = field
    end
  end
  local base, n = receipt_parts(receipt or '')
  if receipt and not (base and highest <= base + n) then fits = 0 end
  if not receipt and highest > 0 then fits = 0 end
end
return {kind, score, is_reaped, jobs, fits, server_ms(), odd}
