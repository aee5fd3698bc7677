-- A suspect is a job that was running when a worker died: its envelope counts crashes. A job that comes back goes to the
-- head of the line, a suspect to a line of its own: from there it is claimed with care, and holds up nothing else
-- meanwhile.
local function is_suspect(text)
  local _, crashes = envelope_of(text)
  return crashes ~= nil and crashes > 0
end
local function put_first(queue, suspects, text)
  redis.call('RPUSH', is_suspect(text) and suspects or queue, text)
end
