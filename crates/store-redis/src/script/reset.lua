-- Forgets what a subject has used under some rules. What nodes have reported stays, so that a report that is sent
-- again does not count again.
--
-- Arguments: for each key a rule. Answer: the time, and how many records were repaired.
for j = 1, #KEYS do
  local rule, record = read_rule(), fetch(KEYS[j])
  local how, x, y, nodes = (rule.interval and read_bucket or read_windows)(rule, record)
  if nodes == '' then
    if record then call('UNLINK', KEYS[j]) end
  elseif rule.interval then
    put(rule, KEYS[j], pack('<BI7I7', BUCKET, 0, 0), nodes)
  else
    put(rule, KEYS[j], pack('<BI6I7I7', WINDOWS, rule.number, 0, 0), nodes)
  end
end
return { clock[1], clock[2], repaired }
