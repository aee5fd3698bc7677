-- What is told of jobs that end. KEYS from `first` on are lists; for each, ARGV holds from `at` on: number of the job,
-- text, how long the list is kept in ms, 1 if the text takes the place of what is there. read_told() returns where ARGV
-- goes on. Nothing about a list can stand in the way of what the script does.
local told = {}
local function read_told(first, at)
  for k = first, #KEYS do
    told[ARGV[at]] = told[ARGV[at]] or {}
    table.insert(told[ARGV[at]], {KEYS[k], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]})
    at = at + 4
  end
  return at
end
local function tell(number)
  for _, it in ipairs(told[number] or {}) do
    if it[4] == '1' then redis.pcall('DEL', it[1]) end
    redis.pcall('RPUSH', it[1], it[2])
    redis.pcall('PEXPIRE', it[1], it[3])
  end
  told[number] = nil
end
