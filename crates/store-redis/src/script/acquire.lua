-- Decides requests, subject by subject: each is charged to all of its subject's rules, or to none.
--
-- Arguments: for every set of rules, the rules, how many subjects are under it: 2 bytes, and for each subject runs of
-- equal costs: how many requests: 2 (and 32768 if another run follows), what each takes: 8. No requests only reads.
-- The keys are those of the first subject's rules, then of the second's, and so on.
--
-- Answer: the time, how many requests were admitted, how many records were repaired, and the heads of all records as
-- they were found: from those and the time, the caller works out every decision.
local answer, admitted, charges, size = { clock[1], clock[2], 0, 0 }, 0, false, #args
-- One record's expiry is looked at in each call: a lost one is mended soon, and looking costs next to nothing.
local sample, sampled = now % #KEYS + 1
while at <= size do
  --@ rule
  local subjects
  subjects, at = unpack('<I2', args, at)
  for _ = 1, subjects do
    --@ read
    --@ head
    --@ each
    local changed$ = false
    answer[k + $ + 4] = head$
    if k + $ == sample then sampled = longest$ end
    --@ end
    local asked, more = false
    repeat
      local count, cost
      count, cost, at = unpack('<I2d', args, at)
      more = count >= 32768
      if more then count = count - 32768 end
      asked = asked or count > 0
      for _ = 1, count do
        local fits = true
        --@ check
        -- What does not fit once does not fit again.
        if not fits then break end
        admitted = admitted + 1
        --@ charge
      end
    until not more
    if asked then
      charges = true
      --@ write
    end
    k = k + RULES
  end
end
if charges then
  local left = call('PTTL', KEYS[sample])
  if left == -1 or left > sampled then
    call('PEXPIRE', KEYS[sample], string.format('%.0f', sampled))
  end
end
answer[3], answer[4] = admitted, repaired
return answer
