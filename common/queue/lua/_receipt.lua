-- The receipt of a worker's last claim, `last` in `claimed`: "base:count:suspect". The claim gave out the numbers base + 1 to
-- base + count; suspect is the number of the suspect that the worker held after it, 0: none. Base, count and suspect of a
-- receipt; nil if it is damaged.
local function receipt_parts(receipt)
  local base, count, suspect = string.match(receipt, '^(%d+):(%d+):(%d+)$')
  base, count = whole(base), whole(count)
  if base and count and count <= 1000 then return base, count, suspect end
end
-- What the receipt says of a claim with this base: 'new', and the suspect that is held ('0': none); 'repeat', and how many
-- jobs it has taken; or 'stale': an old request delivered late.
local function replay_of(claimed, base)
  local receipt = redis.call('HGET', claimed, 'last')
  if not receipt then return 'new', '0' end
  local last_base, last_count, suspect = receipt_parts(receipt)
  if not last_base then return 'stale' end
  if last_base == base then return 'repeat', last_count end
  if last_base + last_count ~= base then return 'stale' end
  if suspect ~= '0' and redis.call('HEXISTS', claimed, suspect) == 0 then suspect = '0' end
  return 'new', suspect
end
