-- The part of a job that a worker gets as the answer: all of it; or, if it is too large for the worker, or poison, its size
-- in bytes and the first of them. The worker would only bury such a job, and reading it might be what kills.
local SHORT = 65536 -- bytes: a head with all that matters, and no danger to anybody
local function in_short(job, max_size, max_crashes)
  if #job <= SHORT and #job <= max_size then return job end
  local _, crashes, _, _, start = envelope_of(job)
  local size = start and #job <= max_size + SHORT and #job - start or #job
  if size <= max_size and #job <= max_size + SHORT and (crashes or 0) < max_crashes then return job end
  return {size, string.sub(job, 1, SHORT)}
end
