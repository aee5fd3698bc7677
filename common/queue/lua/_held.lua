-- Fields of a claimed hash that are not jobs: the receipt of the last claim, and which jobs its reaping blames.
local NO_JOBS = {last = true, blame = true}
-- How many jobs are held.
local function held_count(claimed)
  return redis.call('HLEN', claimed) - redis.call('HEXISTS', claimed, 'last') - redis.call('HEXISTS', claimed, 'blame')
end
-- Numbers of up to `limit` held entries, highest first; any of them, if the holding is so large that sorting it would
-- hold up the server. Second: how many are held in all.
local function held_numbers(claimed, limit)
  local total = redis.call('HLEN', claimed)
  local is_large = total > 10000
  local fields = is_large and redis.call('HRANDFIELD', claimed, limit + 2)
    or redis.call('HKEYS', claimed)
  local numbers = {}
  for i = 1, #fields do
    if string.find(fields[i], '^[1-9]%d*$') and #fields[i] <= 15 then numbers[#numbers + 1] = tonumber(fields[i]) end
  end
  if not is_large then total = #numbers end
  table.sort(numbers)
  local highest = {}
  for i = #numbers, math.max(1, #numbers - limit + 1), -1 do
    highest[#highest + 1] = string.format('%.0f', numbers[i])
  end
  return highest, total
end
