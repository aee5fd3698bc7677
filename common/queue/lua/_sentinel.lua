-- True for {"darg":"drain"}, white space as you like. `{"x`, the start of nearly every job, is told apart first.
local function is_sentinel(text)
  local a, b, c = string.byte(text, 1, 3)
  if a == 123 and b == 34 and c ~= 100 then return false end
  return string.find(text,
    '^[ \t\r\n]*{[ \t\r\n]*"darg"[ \t\r\n]*:[ \t\r\n]*"drain"[ \t\r\n]*}[ \t\r\n]*$') ~= nil
end
