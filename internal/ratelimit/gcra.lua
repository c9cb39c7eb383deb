-- One decision: GCRA (ITU-T I.371) for every key, all of them or none.
--
-- A key holds its theoretical arrival time (TAT): when all that was used will have come back, in microseconds
-- of this server's clock, so that all routers agree on the time; and in how many microseconds one unit comes
-- back, so that under another rate it stands for as many units. ARGV has for each key
--   1. the microseconds in which one unit comes back   2. the window, in microseconds
--   3. the units that are asked for                    4. the units that the router wants to have in advance
-- Those in advance are given while half of the quota is left. It returns 1 or 0 for all, and for each key the
-- microseconds in which all comes back, those to wait (more than the window: it never fits), and the units
-- given in advance.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local allowed, next, out = 1, {}, {0}
for i = 1, #KEYS do
  local each, window, units = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1])
  local tat, before = string.match(redis.call('GET', KEYS[i]) or '', '(%S+) (%S+)')
  local used = math.max(tonumber(tat or now) - now, 0)
  tat = now + math.min(used / tonumber(before or each) * each, window)
  next[i] = tat + units * each
  local wait = math.ceil(next[i] - now - window - 0.5)
  if units * each > window + 0.5 then wait = window + 1 end
  if wait > 0 then allowed = 0 end
  out[3*i-1], out[3*i], out[3*i+1] = tat - now, math.max(wait, 0), 0
end
if allowed == 1 then
  out[1] = 1
  for i = 1, #KEYS do
    local each, window, more = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i])
    if next[i] + more * each - now > window / 2 then more = 0 end
    next[i] = next[i] + more * each
    redis.call('SET', KEYS[i], string.format('%.0f %.17g', next[i], each), 'PX', math.max(1, math.ceil((next[i] - now) / 1000)))
    out[3*i-1], out[3*i+1] = next[i] - now, more
  end
end
return out
