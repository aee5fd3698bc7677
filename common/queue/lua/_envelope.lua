-- The textual rule of job/job.h: an envelope begins exactly like this, has a `,"job":` and ends in a brace. Returns
-- runs, crashes, the position after them, the last position before the original and the first one of it; or nil.
local function envelope_of(text)
  local runs, crashes, at =
    string.match(text, '^{"darg":1,"runs":(%d%d?%d?%d?%d?%d?),"crashes":(%d%d?%d?%d?%d?%d?)(),')
  if not runs or string.byte(text, -1) ~= 125 then return nil end
  if string.find(runs, '^0.') or string.find(crashes, '^0.') then return nil end
  local mark, e = string.find(text, ',"job":', at, true)
  if not mark then return nil end
  return tonumber(runs), tonumber(crashes), at, mark - 1, e + 1
end
-- True for a job that a worker has had: it has run, or failed, or could not be begun. Inside a string of the envelope,
-- the quotes would have a backslash.
local function has_been_taken(text)
  local runs, _, at, last = envelope_of(text)
  return runs ~= nil and (runs > 0 or string.find(string.sub(text, at, last), ',"failed_at":', 1, true) ~= nil)
end
-- The producer's own bytes inside an element.
local function original_of(text)
  local _, _, _, _, start = envelope_of(text)
  return start and string.sub(text, start, -2) or text
end
-- The element with one more run and, if crash is 1, one more crash. `claim` names the run that ended here, for an
-- element that had no envelope yet.
local function bump(text, crash, claim)
  local runs, crashes, at = envelope_of(text)
  if not runs then
    return '{"darg":1,"runs":1,"crashes":' .. crash .. ',"attempt":0,"claim":"' .. claim
      .. '","job":' .. text .. '}'
  end
  runs, crashes = math.min(runs + 1, 999999), math.min(crashes + crash, 999999)
  return '{"darg":1,"runs":' .. runs .. ',"crashes":' .. crashes .. string.sub(text, at)
end
