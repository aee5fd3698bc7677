-- Takes up to n jobs from the head of the line; fewer if they have `budget` bytes together, or a sentinel follows that is not to
-- be discarded. Suspects are set aside. Answers the jobs, the bytes of the largest, how many sentinels were discarded, and how
-- many suspects set aside.
local function take_from_line(queue, suspects, n, budget, discards)
  local byte, jobs, taken, bytes, largest, discarded, set_aside = string.byte, {}, 0, 0, 0, 0, 0
  -- Small steps that grow: one huge job must not drag hundreds of others out and back in.
  local step_size, excess = 1, nil
  while not excess and taken < n and discarded + set_aside < 1000 do
    local step = redis.call('RPOP', queue, math.min(step_size, n - taken))
    if not step then break end
    for i = 1, #step do
      local job = step[i]
      local a, b, c = byte(job, 1, 3)
      -- `{"x` is the start of nearly every job, and of neither a sentinel nor an envelope.
      local is_plain = a == 123 and b == 34 and c ~= 100
      if not is_plain and is_sentinel(job) then
        if not discards then
          excess = i
          break
        end
        discarded = discarded + 1
      elseif not is_plain and is_suspect(job) then
        redis.call('LPUSH', suspects, job)
        set_aside = set_aside + 1
      else
        local size = #job
        taken = taken + 1
        bytes = bytes + size
        jobs[taken] = job
        if size > largest then largest = size end
        if bytes >= budget then
          excess = i + 1
          break
        end
      end
    end
    -- Jobs popped in excess go back to the head of the line, in order.
    if excess and excess <= #step then
      local rest = {}
      for i = #step, excess, -1 do rest[#rest + 1] = step[i] end
      redis.call('RPUSH', queue, unpack(rest))
    end
    step_size = math.min(step_size * 4, 128)
  end
  return jobs, largest, discarded, set_aside
end
