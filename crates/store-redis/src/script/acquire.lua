-- Decides requests, subject by subject: each is charged to all of its subject's rules, or to none.
--
-- Arguments: the sets of rules, then for each subject
--   set: 1 byte, count: 2, cost: 7   and for every further run of equal costs   0: 1 byte, count: 2, cost: 7
-- A count of 0 only reads. The keys are those of the first subject's rules, then of the second's, and so on.
--
-- Answer: the time, how many requests were admitted, how many records were repaired, and the heads of all records
-- as they were found: from those and the time, the caller can work out every decision.
local sets = read_sets()
local heads, admitted, charges = {}, 0, false
local how, x, y, nodes, violated, charged = {}, {}, {}, {}, {}, {}
-- One record's expiry is looked at in each call, so that a lost one is mended soon and looking costs next to nothing.
local sample, sampled = now % #KEYS + 1
local k = 0

local function admits(rule, j, cost)
  if rule.interval then
    return cost <= rule.burst and x[j] + cost * rule.interval <= rule.refill
  end
  local room = rule.limit - x[j] - cost
  if room < 0 then return false end
  return not rule.steps or y[j] == 0 or min(y[j], rule.limit) * rule.left <= room * rule.steps
end

local function store(rule, j, key)
  if rule.interval then
    local debt = (now - y[j]) * 1000 + x[j]
    if how[j] == IN_PLACE and debt <= MOST then
      call('SETRANGE', key, '8', pack('<I7', debt))
    else
      put(rule, key, pack('<BI7I7', BUCKET, now, x[j]), nodes[j])
    end
  elseif how[j] == IN_PLACE then
    call('SETRANGE', key, '7', pack('<I7', x[j]))
  else
    put(rule, key, pack('<BI6I7I7', WINDOWS, rule.number, x[j], y[j]), nodes[j])
  end
end

while at <= #args do
  local set, count, cost
  set, count, cost, at = unpack('<BI2I7', args, at)
  local rules = sets[set]
  for j = 1, #rules do
    local rule, key = rules[j], k + j
    local read = rule.interval and read_bucket or read_windows
    how[j], x[j], y[j], nodes[j], heads[key] = read(rule, fetch(KEYS[key]))
    charged[j] = false
    if key == sample then sampled = rule end
  end
  repeat
    charges = charges or count > 0
    for i = 1, count do
      local fits = true
      for j = 1, #rules do
        violated[j] = not admits(rules[j], j, cost)
        fits = fits and (rules[j].shadow or not violated[j])
      end
      -- What does not fit once does not fit again.
      if not fits then break end
      admitted = admitted + 1
      for j = 1, #rules do
        if not violated[j] then
          x[j] = min(x[j] + cost * (rules[j].interval or 1), MOST)
          charged[j] = true
        end
      end
    end
    local more = byte(args, at) == 0
    if more then set, count, cost, at = unpack('<BI2I7', args, at) end
  until not more
  for j = 1, #rules do
    if charged[j] or (how[j] == AHEAD and charges) then store(rules[j], j, KEYS[k + j]) end
  end
  k = k + #rules
end

if charges then
  local left = call('PTTL', KEYS[sample])
  if left == -1 or left > sampled.longest then
    call('PEXPIRE', KEYS[sample], string.format('%.0f', sampled.longest))
  end
end
return { clock[1], clock[2], admitted, repaired, table.concat(heads) }
