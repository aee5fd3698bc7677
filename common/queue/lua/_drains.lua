-- The last drain of a queue, in the form in which those who wait for one get it: "number:time", '' if there was none. The
-- number is missing if a version that did not count drains was the last to end one.
local function drain_name(number, at)
  if not whole(at) then return '' end
  return whole(number) and number .. ':' .. at or at
end
local function drain_parts(name)
  local number, at = string.match(name, '^(%d+):(%d+)$')
  return whole(number), at or string.match(name, '^%d+$')
end
-- True if the drain `name` ended after the `known` one. Times are only tested for equality, since the clock may have been
-- set. A smaller number is an older drain: Redis was restored, or a replica that lagged behind took over.
local function is_later_drain(name, known)
  local number, at = drain_parts(name)
  local known_number, known_at = drain_parts(known)
  if not at then return false end
  if not known_number or number == known_number then return at ~= known_at end
  return (number or 0) > known_number
end
