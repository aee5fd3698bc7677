-- Jobs that have woken workers go back to the head of the line, in order, before anything else is put there: a sentinel in
-- the inbox must not get ahead of a job that is given back.
local function empty_inbox(inbox, queue)
  for _ = 1, math.min(redis.call('LLEN', inbox), 1000) do
    redis.call('LMOVE', inbox, queue, 'LEFT', 'RIGHT')
  end
end
