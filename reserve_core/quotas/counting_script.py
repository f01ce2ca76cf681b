"""The algorithm as a script in Redis, for all processes that name it.

KEYS: a client's. ARGV: the `count`, `cost` and `capacity` of each quota. Returns whether the request passes, 1 or 0,
and what is owed then, for each quota.
"""

# `take` of quota.py, by the clock of Redis, so that all processes have the same. A client's key holds when its debts
# were computed, in microseconds, and what they were; it expires when they are paid. Numbers are whole, below 2**53.
COUNTING_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = {}
for number in string.gmatch(redis.call('GET', KEYS[1]) or '', '%d+') do
  kept[#kept + 1] = tonumber(number)
end
local elapsed = math.max(0, now - (kept[1] or now))
local owed, costs, lifetime, passes = {}, {}, 1, 1
for i = 1, #ARGV / 3 do
  local count, cost, capacity = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  owed[i] = math.max(0, (kept[i + 1] or 0) - elapsed * count)
  costs[i] = cost
  lifetime = math.max(lifetime, math.ceil((owed[i] + cost) / count / 1000))
  if owed[i] + cost > capacity then passes = 0 end
end
if passes == 1 then
  local text = string.format('%.0f', now)
  for i = 1, #owed do
    owed[i] = owed[i] + costs[i]
    text = text .. ' ' .. string.format('%.0f', owed[i])
  end
  redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', lifetime))
end
return {passes, unpack(owed)}
"""
