-- The due time of a job, from its score, in a form that an answer can carry; false: there is no job. A time before 1970
-- counts as 1970, one beyond the range of a number as the end of that range, and part of a millisecond as a whole one.
local function due_of(score)
  return score and math.ceil(math.max(0, math.min(tonumber(score), 9007199254740991))) or false
end
