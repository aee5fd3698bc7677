-- What follows a job's end. KEYS from `first` on are further keys, each with a verb that says what is done with it; for each,
-- ARGV holds from `at` on:
-- ARGV[...] verb, number, text, ms: of the job with that number; the other two are what the verb takes
--   tell   the text joins the list, which is kept for so many ms from then on
--   keep   the text takes the place of what is there
-- read_follow() answers where ARGV goes on, and the numbers, each once; it comes before the first write, since a verb that is
-- not known ends the script. follow() does what follows the end of a job, the first time it is called: in the script that ends
-- it, and only if that has removed it, so that it happens once. Nothing about a key can stand in the way of what the script does.
local follows = {} -- the numbers, in their order; and by number what follows
local function read_follow(first, at)
  for k = first, #KEYS do
    local verb, number = ARGV[at], ARGV[at + 1]
    if verb ~= 'tell' and verb ~= 'keep' then
      error(redis.error_reply('ERR no such verb for what follows a job: ' .. tostring(verb)))
    end
    local steps = follows[number]
    if not steps then
      steps = {}
      follows[number], follows[#follows + 1] = steps, number
    end
    steps[#steps + 1] = {verb, KEYS[k], ARGV[at + 2], ARGV[at + 3]}
    at = at + 4
  end
  return at, follows
end
local function follow(number)
  local steps = follows[number]
  if not steps then return end
  follows[number] = nil
  for i = 1, #steps do
    local verb, list, text, ms = unpack(steps[i])
    if verb == 'keep' then redis.pcall('DEL', list) end
    redis.pcall('RPUSH', list, text)
    redis.pcall('PEXPIRE', list, ms)
  end
end
