-- Records that a worker holds these jobs, as base + 1 ..., in the same command as the receipt.
local function record(claimed, base, jobs, suspect)
  local format, entries = string.format, {}
  for i = 1, #jobs do
    entries[2 * i - 1] = format('%d', base + i) -- Redis would print the number as a float, which takes longer than all else
    entries[2 * i] = jobs[i]
  end
  entries[#entries + 1] = 'last'
  entries[#entries + 1] = format('%.0f:%d:%s', base, #jobs, suspect)
  redis.call('HSET', claimed, unpack(entries))
end
