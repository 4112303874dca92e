-- Gives back what one decision took from its subject, into the windows that it was taken from and no later ones.
--
-- Arguments: the rules; the cost: 8 bytes; for each rule where it was charged: for windows the number of the window: 8,
-- and 8 more; for a bucket when it was to be full again: 8 (us), 8 (ns).
--
-- Answer: the time, and how many records were repaired.
--@ rule
local cost
cost, at = unpack('<d', args, at)
--@ read
--@ each
local changed$ = false
--@ end
--@ refund
--@ write
return { clock[1], clock[2], repaired }
