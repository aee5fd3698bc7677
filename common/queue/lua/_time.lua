-- The server's clock in ms: every time that is stored or compared is this one.
local function server_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
-- Counts what happened; a damaged counts key must never block a job.
local function count(key, name, n)
  if n > 0 then redis.pcall('HINCRBY', key, name, n) end
end
-- A setting as a number, or nil: nonsense in one must not break a script half way.
local function whole(text)
  if text and string.find(text, '^%d+$') and #text <= 15 then return tonumber(text) end
end
