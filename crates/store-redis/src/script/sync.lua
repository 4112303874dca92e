-- Merges one node's reports, subject by subject, and grants what it wants under all rules of a subject alike.
--
-- Arguments: the node: 8 bytes; the sets of rules, as for decisions; then for each subject
--   set: 1 byte, want: 7, and for each of its rules a report:
--   windows   how many windows are reported: 1 byte; each number: 6, totals: 7 each
--   bucket    0: 1 byte, or   1, or 2 if the node was isolated: 1 byte, since: 7 (us), 2 (ns), heard: 7 (us), 2 (ns),
--             totals: 7 each, acknowledged: 7 each
--
-- Answer: the time, how many records were repaired, and for each subject
--   got: 7 bytes, and for each of its rules   head, width: 1, (bucket: spent: 7), this node's totals: width each
-- with a width of 0 and no totals if there are none. Exact while one node's totals together stay below 2^53.
local node = sub(args, 1, 8)
at = 9
local sets = read_sets()

-- The most nodes that a bucket's record keeps. Forgetting one is harmless: what it says that was acknowledged to
-- it is believed, as after a loss of data. Windows forget by themselves.
local MOST_NODES = 255

local formats = { [3] = {}, [6] = {} }
local function format_of(rule, width)
  local known = formats[rule.totals]
  if not known[width] then known[width] = '<' .. ('I' .. width):rep(rule.totals) end
  return known[width]
end

local function width_of(number)
  local width = 1
  while number >= 256 ^ width do width = width + 1 end
  return width
end

-- Where this node's entry begins.
local function find_entry(rule, nodes)
  if nodes == '' then return nil end
  local size, from = 8 + rule.totals * byte(nodes), rule.first
  while true do
    local found = string.find(nodes, node, from, true)
    if not found or (found - rule.first) % size == 0 then return found end
    from = found + 1
  end
end

-- The nodes' part with every total made wider.
local function widen(rule, nodes, width)
  local narrow = byte(nodes)
  local wider, zeros = { string.char(width) .. sub(nodes, 2, rule.first - 1) }, ('\0'):rep(width - narrow)
  for entry = rule.first, #nodes, 8 + rule.totals * narrow do
    wider[#wider + 1] = sub(nodes, entry, entry + 7)
    for total = 0, rule.totals - 1 do
      local from = entry + 8 + total * narrow
      wider[#wider + 1] = sub(nodes, from, from + narrow - 1) .. zeros
    end
  end
  return table.concat(wider)
end

-- The nodes' part with this node's totals in it.
local function with_entry(rule, nodes, totals, spent)
  local entry, width = find_entry(rule, nodes), nodes ~= '' and byte(nodes) or 1
  local needed = 1
  for total = 1, rule.totals do
    if totals[total] >= 256 ^ needed then needed = width_of(totals[total]) end
  end
  if needed > width then
    if nodes ~= '' then nodes = widen(rule, nodes, needed) end
    width, entry = needed, find_entry(rule, nodes)
  end
  local size = 8 + rule.totals * width
  local a, b, c, d, e, f = totals[1], totals[2], totals[3], totals[4], totals[5], totals[6]
  local packed = pack(format_of(rule, width), a, b, c, d, e, f)
  local first = rule.interval and string.char(width) .. pack('<I7', spent) or string.char(width)
  if entry then
    return first .. sub(nodes, rule.first, entry + 7) .. packed .. sub(nodes, entry + size)
  end
  if rule.interval and #nodes >= MOST_NODES * size then
    nodes = sub(nodes, size + 1)
  end
  return first .. sub(nodes, rule.first) .. node .. packed
end

-- This node's totals, as the record knows them.
local function totals_of(rule, nodes)
  local entry = find_entry(rule, nodes)
  if not entry then return { 0, 0, 0, 0, 0, 0 } end
  local a, b, c, d, e, f = unpack(format_of(rule, byte(nodes)), nodes, entry + 8)
  if rule.interval then return { a, b, c, 0, 0, 0 } end
  return { a, b, c, d, e, f }
end

local function net(totals, first)
  return max(totals[first] + totals[first + 1] - totals[first + 2], 0)
end

-- Merges the next three totals of the arguments into those known; says whether any grew.
local function merge(known, first)
  local told, grew = {}, false
  told[1], told[2], told[3], at = unpack('<I7I7I7', args, at)
  for total = 1, 3 do
    if told[total] > known[first + total - 1] then
      known[first + total - 1], grew = told[total], true
    end
  end
  return grew
end

-- The later of two times, and a time that comes later by some nanoseconds: microseconds, and nanoseconds below 1000.
local function later(us, ns, other_us, other_ns)
  if us > other_us or (us == other_us and ns >= other_ns) then return us, ns end
  return other_us, other_ns
end
local function after(us, ns, nanos)
  return us + floor((ns + nanos) / 1000), (ns + nanos) % 1000
end

local how, x, y, nodes, known, changed, since, spent = {}, {}, {}, {}, {}, {}, {}, {}

local function read_and_merge_windows(rule, j, key)
  how[j], x[j], y[j], nodes[j] = read_windows(rule, fetch(key))
  known[j], changed[j] = totals_of(rule, nodes[j]), how[j] == AHEAD
  local reported, number
  reported, at = unpack('<B', args, at)
  for _ = 1, reported do
    number, at = unpack('<I6', args, at)
    local count, first = x, 1
    if number + 1 == rule.number then count, first = y, 4 end
    if number == rule.number or first == 4 then
      local before = net(known[j], first)
      if merge(known[j], first) then
        count[j] = min(max(count[j] + net(known[j], first) - before, 0), MOST)
        changed[j] = true
      end
    else
      at = at + 21
    end
  end
end

-- Under a bucket, x and y are when it is full again: microseconds, and nanoseconds below 1000.
local function missing(j)
  return max((x[j] - now) * 1000 + y[j], 0)
end

-- Makes a bucket full again no later than some nanoseconds from now, or than it was to be before.
local function cap(j, most, us, ns)
  if (x[j] - now) * 1000 + y[j] > most then
    x[j], y[j] = later(us, ns, after(now, 0, most))
  end
end

-- Adds what was used since a time; what would be missing beyond the most is not kept.
local function spend(rule, j, used, us, ns, most)
  if used == 0 then return end
  local before_us, before_ns = x[j], y[j]
  us, ns = later(before_us, before_ns, us, ns)
  x[j], y[j] = after(us, ns, used * rule.interval)
  cap(j, most, before_us, before_ns)
  spent[j] = min(spent[j] + used, MOST)
end

local function read_and_merge_bucket(rule, j, key)
  local _, debt
  how[j], _, since[j], nodes[j], _, debt = read_bucket(rule, fetch(key))
  x[j], y[j] = after(since[j], 0, debt)
  spent[j] = nodes[j] ~= '' and unpack('<I7', nodes[j], 2) or 0
  known[j], changed[j] = totals_of(rule, nodes[j]), how[j] == AHEAD
  local reported
  reported, at = unpack('<B', args, at)
  if reported == 0 then return end
  local us, ns, heard_us, heard_ns, totals
  us, ns, heard_us, heard_ns, at = unpack('<I7I2I7I2', args, at)
  -- What was acknowledged stands behind the totals, and comes first: if the record does not know it, its data is
  -- lost, and what the node heard last is the least that was used.
  totals, at = at, at + 21
  if merge(known[j], 1) then
    x[j], y[j] = later(x[j], y[j], heard_us, heard_ns)
    cap(j, rule.most, 0, 0)
    changed[j] = true
  end
  local l, g, r = known[j][1], known[j][2], known[j][3]
  local behind = at
  at = totals
  if merge(known[j], 1) then
    if us >= now then us, ns = now, 0 end
    local most = reported == 2 and rule.refill or rule.most
    spend(rule, j, (known[j][1] - l) + (known[j][2] - g), us, ns, most)
    local debt = missing(j)
    if known[j][3] > r and debt > 0 then
      x[j], y[j] = after(now, 0, max(debt - (known[j][3] - r) * rule.interval, 0))
    end
    changed[j] = true
  end
  at = behind
end

local function remaining(rule, j)
  if rule.interval then return floor(max(rule.refill - missing(j), 0) / rule.interval) end
  local room = max(rule.limit - x[j], 0)
  if not rule.steps or y[j] == 0 or room == 0 then return room end
  local weighted = min(y[j], rule.limit) * rule.left + rule.steps - 1
  return max(room - (weighted - weighted % rule.steps) / rule.steps, 0)
end

local function grant(rule, j, got)
  known[j][2], changed[j] = min(known[j][2] + got, MOST), true
  if rule.interval then
    spend(rule, j, got, now, 0, rule.most)
  else
    x[j] = min(x[j] + got, MOST)
  end
end

-- Writes what changed, and returns the answer for one record.
local function finish(rule, j, key)
  local head = rule.interval and pack('<BI7I7', BUCKET, x[j], y[j])
    or pack('<BI6I7I7', WINDOWS, rule.number, x[j], y[j])
  if changed[j] then
    local length, written = #nodes[j], head
    local totals = known[j]
    if totals[1] + totals[2] + totals[3] + totals[4] + totals[5] + totals[6] > 0 then
      nodes[j] = with_entry(rule, nodes[j], totals, spent[j])
    end
    local in_place = how[j] == IN_PLACE and #nodes[j] == length
    if rule.interval then
      local from = in_place and since[j] or min(now, x[j])
      local debt = (x[j] - from) * 1000 + y[j]
      in_place = in_place and debt >= 0 and debt <= MOST
      if not in_place then from = min(now, x[j]) end
      written = pack('<BI7I7', BUCKET, from, (x[j] - from) * 1000 + y[j])
    end
    if in_place then
      call('SETRANGE', key, '0', written .. nodes[j])
    else
      put(rule, key, written, nodes[j])
    end
  end
  local entry = find_entry(rule, nodes[j])
  if not entry then
    return head .. '\0' .. (rule.interval and pack('<I7', spent[j]) or '')
  end
  local size = rule.totals * byte(nodes[j])
  return head .. sub(nodes[j], 1, rule.first - 1) .. sub(nodes[j], entry + 8, entry + 7 + size)
end

local answers, k = {}, 0
while at <= #args do
  local set, want
  set, want, at = unpack('<BI7', args, at)
  local rules = sets[set]
  local got = want
  for j = 1, #rules do
    local read_and_merge = rules[j].interval and read_and_merge_bucket or read_and_merge_windows
    read_and_merge(rules[j], j, KEYS[k + j])
    if not rules[j].shadow then got = min(got, remaining(rules[j], j)) end
  end
  answers[#answers + 1] = pack('<I7', got)
  for j = 1, #rules do
    if got > 0 then grant(rules[j], j, got) end
    answers[#answers + 1] = finish(rules[j], j, KEYS[k + j])
  end
  k = k + #rules
end
return { clock[1], clock[2], repaired, table.concat(answers) }
