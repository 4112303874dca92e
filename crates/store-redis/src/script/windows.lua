-- Fixed and sliding windows, as parts of scripts. `$` stands for the rule's number among a request's rules.

--# rule
-- A fixed window has no steps. A record is kept for `keep` milliseconds, one with nodes for `longest`.
local limit$, steps$, keep$, longest$, shadow$, number$, left$
do
  local window, step
  window, limit$, steps$, step, keep$, longest$, shadow$, at = unpack('<ddddddB', args, at)
  number$ = floor(now / window)
  left$ = max(steps$ - floor((now - number$ * window) / step), 0)
end

--# read
-- x is the current count, y the previous one. The record, if there is one, is as it was, or rolled on.
local record$, how$, x$, y$ = values[k + $], ANEW, 0, 0
if record$ then
  local length, tag, number, current, previous = #record$, 0
  if length > 20 then tag, number, current, previous = unpack('<BI6I7I7', record$) end
  local is_record = tag == 87 and current <= MOST and previous <= MOST
  if is_record and length > 21 then
    local width = byte(record$, 22)
    is_record = width > 0 and width < 8 and length > 22 and (length - 22) % (8 + 6 * width) == 0
  end
  if not is_record then
    record$, repaired = nil, repaired + 1
  elseif number == number$ then
    how$, x$, y$ = IN_PLACE, current, previous
  elseif number + 1 == number$ then
    y$ = current
    if length > 21 then
      -- What was current is previous now. Nodes that used nothing are forgotten.
      local half = 3 * byte(record$, 22)
      local none, kept = ('\0'):rep(half), { pack('<BI6I7I7', 87, number$, 0, current), sub(record$, 22, 22) }
      for entry = 23, length, 8 + 2 * half do
        local used = sub(record$, entry + 8, entry + 7 + half)
        if used ~= none then kept[#kept + 1] = sub(record$, entry, entry + 7) .. none .. used end
      end
      record$ = table.concat(kept, '', 1, kept[3] and #kept or 1)
    end
  elseif number == number$ + 1 then
    how$, x$, y$ = AHEAD, current, previous
  else
    record$ = nil
  end
end

--# head
local head$ = record$ or '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
if #head$ > 21 then head$ = sub(head$, 1, 21) end

--# check
local room$ = limit$ - x$ - cost
local fits$ = room$ >= 0 and (steps$ == 0 or y$ == 0 or min(y$, limit$) * left$ <= room$ * steps$)
fits = fits and (fits$ or shadow$ == 1)

--# charge
if fits$ then x$, changed$ = min(x$ + cost, MOST), true end

--# write
if changed$ or how$ == AHEAD then
  if how$ == IN_PLACE then
    call('SETRANGE', KEYS[k + $], '7', pack('<I7I7', x$, y$))
  else
    local nodes = record$ and sub(record$, 22) or ''
    put(KEYS[k + $], pack('<BI6I7I7', 87, number$, x$, y$) .. nodes, nodes == '' and keep$ or longest$)
  end
end

--# refund
do
  local charged, _
  charged, _, at = unpack('<dd', args, at)
  if charged == number$ and x$ > 0 then x$, changed$ = max(x$ - cost, 0), true end
  if charged + 1 == number$ and y$ > 0 then y$, changed$ = max(y$ - cost, 0), true end
end

--# forget
if record$ and #record$ > 21 then
  put(KEYS[k + $], pack('<BI6I7I7', 87, number$, 0, 0) .. sub(record$, 22), longest$)
else
  call('UNLINK', KEYS[k + $])
end

--# merge
local l$, g$, r$, pl$, pg$, pr$, width$, entry$ = 0, 0, 0, 0, 0, 0, 0
local changed$, old_changed$ = how$ == AHEAD, false
if record$ and #record$ > 21 then
  width$ = byte(record$, 22)
  entry$ = find_entry(record$, 23, 8 + 6 * width$)
  if entry$ then l$, g$, r$, pl$, pg$, pr$ = unpack(SIX[width$], record$, entry$ + 8) end
end
do
  local n, l, g, r, pn, pl, pg, pr
  n, l, g, r, pn, pl, pg, pr, at = unpack('<dddddddd', args, at)
  if n ~= number$ or pn + 1 ~= number$ then
    l, g, r, pl, pg, pr = sort_out(number$, n, l, g, r, pn, pl, pg, pr)
  end
  if l > l$ or g > g$ or r > r$ then
    x$, l$, g$, r$ = count(x$, l$, g$, r$, l, g, r)
    changed$ = true
  end
  if pl > pl$ or pg > pg$ or pr > pr$ then
    y$, pl$, pg$, pr$ = count(y$, pl$, pg$, pr$, pl, pg, pr)
    changed$, old_changed$ = true, true
  end
end

--# room
if shadow$ == 0 and got > 0 then
  local room = max(limit$ - x$, 0)
  if steps$ > 0 and y$ > 0 and room > 0 then
    local weighted = min(y$, limit$) * left$ + steps$ - 1
    room = max(room - (weighted - weighted % steps$) / steps$, 0)
  end
  got = min(got, room)
end

--# grant
x$, g$, changed$ = min(x$ + got, MOST), min(g$ + got, MOST), true

--# report
if changed$ or how$ ~= IN_PLACE then
  local head, length = pack('<BI6I7I7', 87, number$, x$, y$), record$ and #record$
  if changed$ and l$ + g$ + r$ + pl$ + pg$ + pr$ > 0 then
    local most = entry$ and BOUNDS[width$] or 0
    if l$ >= most or g$ >= most or r$ >= most or pl$ >= most or pg$ >= most or pr$ >= most then
      record$, entry$, width$ = make_room(record$, 21, '', 6, max(l$, g$, r$, pl$, pg$, pr$))
      old_changed$ = true
    end
    local totals = pack(THREE[width$], l$, g$, r$)
    if old_changed$ then totals = totals .. pack(THREE[width$], pl$, pg$, pr$) end
    record$ = head .. sub(record$, 22, entry$ + 7) .. totals .. sub(record$, entry$ + 8 + #totals)
  else
    record$ = record$ and head .. sub(record$, 22) or head
  end
  if not changed$ then
    -- Whoever reads it next rolls it on likewise.
  elseif how$ == IN_PLACE and #record$ == length then
    call('SETRANGE', KEYS[k + $], '0', record$)
  else
    put(KEYS[k + $], record$, #record$ > 21 and longest$ or keep$)
  end
end
told = told + 1
answers[told] = #record$ < 257 and record$ or shorten(record$, 21, entry$, 1, 6)
