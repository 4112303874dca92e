#!lua
-- The beginning of every script: the time, how rules are told, how records are read.
--
-- A record is one string. All numbers are little-endian and unsigned; times are the server's.
--
--   windows:  'W'  number: 6 bytes  current: 7  previous: 7                     [nodes]
--   bucket:   'B'  since: 7 (us)    debt: 7 (ns): full again at since + debt    [nodes]
--   nodes:    width: 1              (bucket: spent: 7)                          entry...
--   entry:    id: 8                 totals: width each: local, granted, returned;
--                                   of windows those of the current one, then those of the previous one
--
-- A window's number is its beginning divided by its length. `since` is when the record's expiry was last set.
-- What is not of this form counts as nothing, and is overwritten by the next write.
local call, try, pack, unpack = redis.call, redis.pcall, struct.pack, struct.unpack
local sub, byte, floor, max, min = string.sub, string.byte, math.floor, math.max, math.min
local MOST = 9007199254740991
local WINDOWS, BUCKET = 87, 66

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local args, at = ARGV[1], 1
local repaired = 0

-- Reads a rule from the arguments, and works out what is the same for all records under it.
local function read_rule()
  local rule, kind, shadow, a, b, c, d = {}
  kind, shadow, a, b, c, d, rule.keep, at = unpack('<BBddddd', args, at)
  rule.shadow = shadow == 1
  rule.longest = rule.keep
  if kind == 2 then
    rule.interval, rule.burst, rule.refill, rule.most = a, b, c, d
    rule.nothing, rule.totals, rule.first = ('\0'):rep(15), 3, 9
    return rule
  end
  rule.number, rule.limit = floor(now / a), b
  rule.nothing, rule.totals, rule.first = ('\0'):rep(21), 6, 2
  if kind == 1 then
    rule.steps, rule.left = c, max(c - floor((now - rule.number * a) / d), 0)
  else
    rule.longest = rule.keep + a / 1000
  end
  return rule
end

-- Reads the sets of rules: how many there are; for each, how many rules, and the rules.
local function read_sets()
  local sets, n = {}
  n, at = unpack('<B', args, at)
  for s = 1, n do
    local set = {}
    n, at = unpack('<B', args, at)
    for j = 1, n do set[j] = read_rule() end
    sets[s] = set
  end
  return sets
end

-- The nodes' part of a record whose head has the given size: '' if it has none, nil if it is not one.
local function read_nodes(rule, record, head)
  if #record == head then return '' end
  local width = byte(record, head + 1)
  local entries = #record - head - rule.first + 1
  if width > 0 and width < 8 and entries > 0 and entries % (8 + rule.totals * width) == 0 then
    return sub(record, head + 1)
  end
end

-- The nodes' part one window later: what was current is previous now. Nodes that used nothing are forgotten.
local function roll_nodes(nodes)
  if nodes == '' then return '' end
  local half = 3 * byte(nodes)
  local none, kept = ('\0'):rep(half), { sub(nodes, 1, 1) }
  for entry = 2, #nodes, 8 + 2 * half do
    local current = sub(nodes, entry + 8, entry + 7 + half)
    if current ~= none then
      kept[#kept + 1] = sub(nodes, entry, entry + 7) .. none .. current
    end
  end
  return kept[2] and table.concat(kept) or ''
end

-- The record under a key, or false. A value of another type counts as one that is not a record.
local function fetch(key)
  local value = try('GET', key)
  if type(value) ~= 'table' then return value end
  if sub(value.err, 1, 9) ~= 'WRONGTYPE' then error(value.err) end
  return ''
end

-- How a record stands to the time, besides its content: it can be changed in place; it has to be written anew to
-- be changed; it has to be written anew in any case, because it was ahead of the time.
local IN_PLACE, ANEW, AHEAD = 0, 1, 2

-- Reads windows: how they stand, current, previous, nodes, and the head for the caller.
local function read_windows(rule, record)
  if record and #record > 20 then
    local tag, number, current, previous = unpack('<BI6I7I7', record)
    if tag == WINDOWS and current <= MOST and previous <= MOST then
      local nodes = read_nodes(rule, record, 21)
      if nodes then
        local head, ahead = nodes == '' and record or sub(record, 1, 21), number - rule.number
        if ahead == 0 then return IN_PLACE, current, previous, nodes, head end
        if ahead == -1 then return ANEW, 0, current, roll_nodes(nodes), head end
        if ahead == 1 then return AHEAD, current, previous, nodes, head end
        return ANEW, 0, 0, '', head
      end
    end
  end
  if record then repaired = repaired + 1 end
  return ANEW, 0, 0, '', rule.nothing
end

-- Reads a bucket: how it stands, what it lacks now (ns), since when, nodes, the head for the caller, and the debt as
-- it was since then.
local function read_bucket(rule, record)
  if record and #record > 14 then
    local tag, since, debt = unpack('<BI7I7', record)
    if tag == BUCKET and since <= MOST and debt <= MOST then
      local nodes = read_nodes(rule, record, 15)
      if nodes then
        local head, passed = nodes == '' and record or sub(record, 1, 15), (now - since) * 1000
        if debt - passed > rule.most then return AHEAD, rule.most, now, nodes, head, rule.most end
        local how = passed >= 0 and passed <= rule.most and IN_PLACE or ANEW
        return how, max(debt - passed, 0), since, nodes, head, debt
      end
    end
  end
  if record then repaired = repaired + 1 end
  return ANEW, 0, 0, '', rule.nothing, 0
end

-- Writes a record together with its expiry.
local function put(rule, key, head, nodes)
  local keep = nodes == '' and rule.keep or rule.longest
  call('SET', key, head .. nodes, 'PX', string.format('%.0f', keep))
end
