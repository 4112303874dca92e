-- Merges one node's reports, subject by subject, and grants what it wants under all rules of a subject alike.
--
-- Arguments: the node: 8 bytes; for every set of rules, the rules, how many subjects are under it: 2, whether they want
-- something: 1; for each subject what it wants, if so: 8, and for each rule a report:
--   windows   of the current and of the previous one, number: 8, totals: 8 each
--   bucket    0: 1, or   1, or 2 if the node was isolated: 1, since: 8 (us), 8 (ns), heard: 8 (us), 8 (ns),
--             totals: 8 each, acknowledged: 8 each
--
-- Answer: the time, how many records were repaired, and for each subject what it got, if it wants some, and its records
-- as they are now. Of a long record, only the head and this node's entry are told. Exact while one node's totals
-- together stay below 2^53.
local node, find = sub(args, 1, 8), string.find
at = 9

-- By the width of a node's totals: how they are packed, and what is too large.
local THREE = { '<I1I1I1', '<I2I2I2', '<I3I3I3', '<I4I4I4', '<I5I5I5', '<I6I6I6', '<I7I7I7' }
local SIX = {
  '<I1I1I1I1I1I1', '<I2I2I2I2I2I2', '<I3I3I3I3I3I3', '<I4I4I4I4I4I4', '<I5I5I5I5I5I5', '<I6I6I6I6I6I6', '<I7I7I7I7I7I7',
}
local BOUNDS = { 256, 65536, 16777216, 4294967296, 1099511627776, 281474976710656, 72057594037927936 }

-- Where this node's entry begins, among entries of a size.
local function find_entry(record, first, size)
  local from = first
  while true do
    local found = find(record, node, from, true)
    if not found or (found - first) % size == 0 then return found end
    from = found + 1
  end
end

-- The entries of a record with every total made wider.
local function widen(record, first, totals, narrow, width)
  local wider, zeros = {}, ('\0'):rep(width - narrow)
  for entry = first, #record, 8 + totals * narrow do
    wider[#wider + 1] = sub(record, entry, entry + 7)
    for total = 0, totals - 1 do
      local from = entry + 8 + total * narrow
      wider[#wider + 1] = sub(record, from, from + narrow - 1) .. zeros
    end
  end
  return table.concat(wider)
end

-- A record with an entry for this node whose totals can be as large as `largest`; where the entry begins; and the width.
-- The head, of the given size, and what stands before the entries are not made right. A bucket keeps no more than 255
-- nodes. Forgetting one is harmless: what it says that was acknowledged to it is believed, as after a loss of data.
-- Windows forget by themselves.
local function make_room(record, head, before, totals, largest)
  local first = head + 2 + #before
  local narrow = record and byte(record, head + 1) or 0
  local width, entries = max(narrow, 1), ''
  while largest >= BOUNDS[width] do width = width + 1 end
  local size = 8 + totals * width
  if narrow == width then
    entries = sub(record, first)
  elseif narrow > 0 then
    entries = widen(record, first, totals, narrow, width)
  end
  if not find_entry(entries, 1, size) then
    if before ~= '' and #entries >= 255 * size then entries = sub(entries, size + 1) end
    entries = entries .. node .. ('\0'):rep(size - 8)
  end
  record = ('\0'):rep(head) .. string.char(width) .. before .. entries
  return record, find_entry(record, first, size), width
end

-- A record's head and this node's entry.
local function shorten(record, head, entry, before, totals)
  local short = sub(record, 1, head + before)
  return entry and short .. sub(record, entry, entry + 7 + totals * byte(record, head + 1)) or short
end

-- What a node tells of a window and of the one before it, if it does not speak of these two. A report of another
-- window tells nothing.
local function sort_out(number, n, l, g, r, pn, pl, pg, pr)
  local cl, cg, cr, bl, bg, br = 0, 0, 0, 0, 0, 0
  if n == number then cl, cg, cr = l, g, r end
  if pn == number then cl, cg, cr = max(cl, pl), max(cg, pg), max(cr, pr) end
  if n + 1 == number then bl, bg, br = l, g, r end
  if pn + 1 == number then bl, bg, br = max(bl, pl), max(bg, pg), max(br, pr) end
  return cl, cg, cr, bl, bg, br
end

-- A window's count and one node's totals, with what it tells merged in.
local function count(all, l, g, r, told_l, told_g, told_r)
  local known, net = l + g - r
  if told_l > l then l = told_l end
  if told_g > g then g = told_g end
  if told_r > r then r = told_r end
  net = l + g - r
  all = all + (net > 0 and net or 0) - (known > 0 and known or 0)
  if all < 0 then all = 0 elseif all > MOST then all = MOST end
  return all, l, g, r
end

-- The later of two times, and a time that comes some nanoseconds after another: microseconds, nanoseconds below 1000.
local function later(us, ns, other_us, other_ns)
  if us > other_us or (us == other_us and ns >= other_ns) then return us, ns end
  return other_us, other_ns
end
local function after(us, ns, nanos)
  return us + floor((ns + nanos) / 1000), (ns + nanos) % 1000
end

-- A time that is no later than some nanoseconds from now, or than another time.
local function capped(us, ns, most, least_us, least_ns)
  if (us - now) * 1000 + ns <= most then return us, ns end
  return later(least_us, least_ns, after(now, 0, most))
end

-- When a bucket is full again after something was used since a time. What would be missing beyond the most is not kept.
local function spend(us, ns, owed, since_us, since_ns, most)
  local from_us, from_ns = later(us, ns, since_us, since_ns)
  from_us, from_ns = after(from_us, from_ns, owed)
  return capped(from_us, from_ns, most, us, ns)
end

local answers, told, size = { clock[1], clock[2], 0 }, 3, #args
while at <= size do
  --@ rule
  local subjects, wanting
  subjects, wanting, at = unpack('<I2B', args, at)
  for _ = 1, subjects do
    local want = 0
    if wanting == 1 then want, at = unpack('<d', args, at) end
    --@ read
    --@ merge
    if want > 0 then
      local got = want
      --@ room
      if got > 0 then
        --@ grant
      end
      told = told + 1
      answers[told] = got
    end
    --@ report
    k = k + RULES
  end
end
answers[3] = repaired
return answers
