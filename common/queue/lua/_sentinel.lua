-- True for {"darg":"drain"}, white space as you like; second: true if it waits for retries, {"darg":"drain","retries":true}.
-- `{"x`, the start of nearly every job, is told apart first.
local function is_sentinel(text)
  local a, b, c = string.byte(text, 1, 3)
  if a == 123 and b == 34 and c ~= 100 then return false end
  local rest = string.match(text, '^[ \t\r\n]*{[ \t\r\n]*"darg"[ \t\r\n]*:[ \t\r\n]*"drain"[ \t\r\n]*(.*)$')
  if not rest then return false end
  if string.find(rest, '^}[ \t\r\n]*$') then return true, false end
  local awaits = string.find(rest, '^,[ \t\r\n]*"retries"[ \t\r\n]*:[ \t\r\n]*true[ \t\r\n]*}[ \t\r\n]*$') ~= nil
  return awaits, awaits
end
