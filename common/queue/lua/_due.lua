-- The due time of a job, out of its score, as an answer can carry it; false: there is no job. What was due before 1970 is
-- due then, what is beyond the reach of a number stays there, and a part of a millisecond counts as a whole one.
local function due_of(score)
  return score and math.ceil(math.max(0, math.min(tonumber(score), 9007199254740991))) or false
end
