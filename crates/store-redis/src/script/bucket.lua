-- A token bucket, as parts of scripts. `$` stands for the rule's number among a request's rules.

--# rule
-- All in nanoseconds: one unit, all that fits, the most that can be missing.
local interval$, burst$, full$, most$, longest$, shadow$
interval$, burst$, full$, most$, longest$, shadow$, at = unpack('<dddddB', args, at)

--# read
-- x is what is missing now, negative if it would have been full by now; it was y at `since`.
local record$, how$, x$, y$, since$ = values[k + $], ANEW, 0, 0, 0
if record$ then
  local length, tag, since, debt = #record$, 0
  if length > 14 then tag, since, debt = unpack('<BI7I7', record$) end
  local is_record = tag == 66 and since <= MOST and debt <= MOST
  if is_record and length > 15 then
    local width = byte(record$, 16)
    is_record = width > 0 and width < 8 and length > 23 and (length - 23) % (8 + 3 * width) == 0
  end
  if not is_record then
    record$, repaired = nil, repaired + 1
  else
    local passed = (now - since) * 1000
    x$, y$, since$ = debt - passed, debt, since
    if x$ > most$ then
      how$, x$, y$, since$ = AHEAD, most$, most$, now
    elseif passed >= 0 and passed <= most$ then
      how$ = IN_PLACE
    end
  end
end

--# head
local head$ = record$ or '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
if #head$ > 15 then head$ = sub(head$, 1, 15) end

--# check
local fits$ = cost <= burst$ and (x$ > 0 and x$ or 0) + cost * interval$ <= full$
fits = fits and (fits$ or shadow$ == 1)

--# charge
if fits$ then x$, changed$ = (x$ > 0 and x$ or 0) + cost * interval$, true end

--# write
if changed$ or how$ == AHEAD then
  local debt = (now - since$) * 1000 + x$
  if how$ == IN_PLACE and debt <= MOST then
    call('SETRANGE', KEYS[k + $], '8', pack('<I7', debt))
  else
    put(KEYS[k + $], pack('<BI7I7', 66, now, x$) .. (record$ and sub(record$, 16) or ''), longest$)
  end
end

--# refund
do
  local us, ns
  us, ns, at = unpack('<dd', args, at)
  local back = min(cost * interval$, max((us - now) * 1000 + ns, 0))
  if x$ > 0 and back > 0 then x$, changed$ = max(x$ - back, 0), true end
end

--# forget
if record$ and #record$ > 15 then
  put(KEYS[k + $], pack('<BI7I7', 66, 0, 0) .. sub(record$, 16), longest$)
else
  call('UNLINK', KEYS[k + $])
end

--# merge
-- When the bucket is full again: microseconds, and nanoseconds below 1000.
local ns$ = y$ % 1000
local us$ = since$ + (y$ - ns$) / 1000
local spent$, l$, g$, r$, width$, entry$ = 0, 0, 0, 0, 0
local changed$, reports = how$ == AHEAD
if record$ and #record$ > 15 then
  width$, spent$ = unpack('<BI7', record$, 16)
  entry$ = find_entry(record$, 24, 8 + 3 * width$)
  if entry$ then l$, g$, r$ = unpack(THREE[width$], record$, entry$ + 8) end
end
reports, at = unpack('<B', args, at)
if reports > 0 then
  local since_us, since_ns, heard_us, heard_ns, l, g, r, al, ag, ar
  since_us, since_ns, heard_us, heard_ns, l, g, r, al, ag, ar, at = unpack('<dddddddddd', args, at)
  if al > l$ or ag > g$ or ar > r$ then
    -- The record does not know what was acknowledged: its data is lost. What the node heard last is the least that
    -- was used.
    l$, g$, r$, changed$ = max(l$, al), max(g$, ag), max(r$, ar), true
    us$, ns$ = later(us$, ns$, heard_us, heard_ns)
    us$, ns$ = capped(us$, ns$, most$, 0, 0)
  end
  if l > l$ or g > g$ or r > r$ then
    local used, returned = 0, 0
    if l > l$ then used, l$ = l - l$, l end
    if g > g$ then used, g$ = used + (g - g$), g end
    if r > r$ then returned, r$ = r - r$, r end
    if since_us >= now then since_us, since_ns = now, 0 end
    if used > 0 then
      -- Nobody knows how the parts of isolated nodes overlapped: all of them together owe no more than one burst.
      us$, ns$ = spend(us$, ns$, used * interval$, since_us, since_ns, reports == 2 and full$ or most$)
      spent$ = min(spent$ + used, MOST)
    end
    local missing = (us$ - now) * 1000 + ns$
    if returned > 0 and missing > 0 then
      -- What was missing as far as the node knew has flowed in by then, and is not given back a second time.
      if l > al then
        heard_us, heard_ns = later(heard_us, heard_ns, since_us, since_ns)
        heard_us, heard_ns = after(heard_us, heard_ns, (l - al) * interval$)
      end
      local back = min(returned * interval$, max((heard_us - now) * 1000 + heard_ns, 0))
      us$, ns$ = after(now, 0, max(missing - back, 0))
    end
    changed$ = true
  end
end

--# room
if shadow$ == 0 and got > 0 then
  local missing = max((us$ - now) * 1000 + ns$, 0)
  got = min(got, floor(max(full$ - missing, 0) / interval$))
end

--# grant
us$, ns$ = spend(us$, ns$, got * interval$, now, 0, most$)
g$, spent$, changed$ = min(g$ + got, MOST), min(spent$ + got, MOST), true

--# report
if changed$ then
  local length, from, nodes = record$ and #record$, since$, ''
  if l$ + g$ + r$ > 0 then
    local most = entry$ and BOUNDS[width$] or 0
    if l$ >= most or g$ >= most or r$ >= most then
      record$, entry$, width$ = make_room(record$, 15, '0000000', 3, max(l$, g$, r$))
    end
    nodes = pack('<BI7', width$, spent$) .. sub(record$, 24, entry$ + 7) .. pack(THREE[width$], l$, g$, r$)
      .. sub(record$, entry$ + 8 + 3 * width$)
  elseif record$ then
    nodes = sub(record$, 16)
  end
  local debt = (us$ - from) * 1000 + ns$
  local in_place = how$ == IN_PLACE and #nodes + 15 == length and debt >= 0 and debt <= MOST
  if not in_place then
    from = min(now, us$)
    debt = (us$ - from) * 1000 + ns$
  end
  record$ = pack('<BI7I7', 66, from, debt) .. nodes
  if in_place then
    call('SETRANGE', KEYS[k + $], '0', record$)
  else
    put(KEYS[k + $], record$, longest$)
  end
end
record$ = record$ or '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
told = told + 1
answers[told] = #record$ < 257 and record$ or shorten(record$, 15, entry$, 8, 3)
