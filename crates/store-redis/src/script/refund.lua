-- Gives back what one decision took from its subject, into the windows that it was taken from and no later ones.
--
-- Arguments: the cost: 7 bytes; then for each key a rule, and where it was charged: for windows the number of the
-- window: 7 bytes, 0: 2; for a bucket when it was to be full again: 7 (us), 2 (ns).
--
-- Answer: the time, and how many records were repaired.
local cost
cost, at = unpack('<I7', args, at)

local function refund_windows(rule, key, number)
  local how, current, previous, nodes = read_windows(rule, fetch(key))
  local c, p = current, previous
  if number == rule.number then c = max(c - cost, 0) end
  if number + 1 == rule.number then p = max(p - cost, 0) end
  if c == current and p == previous and how ~= AHEAD then return end
  if how == IN_PLACE then
    call('SETRANGE', key, '7', pack('<I7I7', c, p))
  else
    put(rule, key, pack('<BI6I7I7', WINDOWS, rule.number, c, p), nodes)
  end
end

local function refund_bucket(rule, key, us, ns)
  local how, debt, since, nodes = read_bucket(rule, fetch(key))
  local back = min(cost * rule.interval, max((us - now) * 1000 + ns, 0))
  local left = max(debt - back, 0)
  if left == debt and how ~= AHEAD then return end
  local total = (now - since) * 1000 + left
  if how == IN_PLACE and total <= MOST then
    call('SETRANGE', key, '8', pack('<I7', total))
  else
    put(rule, key, pack('<BI7I7', BUCKET, now, left), nodes)
  end
end

for j = 1, #KEYS do
  local rule, us, ns = read_rule()
  us, ns, at = unpack('<I7I2', args, at)
  local refund = rule.interval and refund_bucket or refund_windows
  refund(rule, KEYS[j], us, ns)
end
return { clock[1], clock[2], repaired }
