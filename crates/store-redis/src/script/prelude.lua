-- The time, and what all scripts share.
--
-- A record is one string. All numbers in it are little-endian and unsigned; times are the server's.
--
--   windows:  'W'  number: 6 bytes  current: 7  previous: 7                     [nodes]
--   bucket:   'B'  since: 7 (us)    debt: 7 (ns): full again at since + debt    [nodes]
--   nodes:    width: 1              (bucket: spent: 7)                          entry...
--   entry:    id: 8                 totals: width each: local, granted, returned;
--                                   of windows those of the current one, then those of the previous one
--
-- A window's number is its beginning divided by its length. `since` is when the record's expiry was last set.
-- What is not of this form counts as nothing, and is overwritten by the next write. All records are read by one MGET
-- at the beginning, so no key may be given twice; what is not a string reads as if it were not there.
--
-- How a record stands to the time: it can be changed in place; it has to be written anew to be changed; it has to be
-- written anew whenever there is a write, because it was ahead of the time.
local IN_PLACE, ANEW, AHEAD = 0, 1, 2
local call, pack, unpack, spread = redis.call, struct.pack, struct.unpack, unpack
local sub, byte, floor, max, min = string.sub, string.byte, math.floor, math.max, math.min
local KEYS, MOST = KEYS, 9007199254740991
local clock, values = call('TIME'), call('MGET', spread(KEYS))
local now = clock[1] * 1000000 + clock[2]
local args, at, k, repaired = ARGV[1], 1, 0, 0

-- Writes a record together with its expiry.
local function put(key, record, keep)
  call('SET', key, record, 'PX', string.format('%.0f', keep))
end
