#!lua
-- Keeps the list of the nodes that are alive, scored by the server's time, and which generation of data this is: whoever
-- finds that missing makes one, because all the rest is missing too.
--
-- A node that does not wait for the answer any more is not listed: a server that hung carries out what it was sent meanwhile,
-- which does not show that the node is back.
--
-- Keys: the list, the generation. Arguments: the node; after how many microseconds without a word it is forgotten; a random
-- generation, 16 hexadecimal digits; until when the node waits, or nothing if it does not know the server's time. Answer: the
-- time, how many nodes there are, the generation, and the server's history.
local call = redis.call
local key, node, patience, waits_until = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local score = string.format('%.0f', now)
local listed = redis.pcall('ZCARD', key)
if type(listed) == 'table' then
  if string.sub(listed.err, 1, 9) ~= 'WRONGTYPE' then error(listed.err) end
  call('UNLINK', key)
end
if not waits_until or now <= waits_until then call('ZADD', key, score, node) end
call('ZREMRANGEBYSCORE', key, '-inf', string.format('(%.0f', now - patience))
-- Nodes that were last heard of in the future, because the clock stepped back, will soon be heard of again.
call('ZREMRANGEBYSCORE', key, '(' .. score, '+inf')
call('ZREMRANGEBYRANK', key, 0, -10001)
call('PEXPIRE', key, string.format('%.0f', patience / 1000 * 2))
-- It outlives the list by far, or else an outage would look like a loss. A day without any node is as good as one.
-- MGET, because it says of a value of another type that there is none.
local generation = call('MGET', KEYS[2])[1]
if not generation or #generation ~= 16 or not string.find(generation, '^%x+$') then generation = ARGV[3] end
call('SET', KEYS[2], generation, 'PX', '86400000')
-- A replica has a history of its own from its promotion on, and may lack writes; so has a server that was restarted. Who may
-- not ask for that is not told.
local info = redis.pcall('INFO', 'replication')
local history = type(info) == 'string' and string.match(info, 'master_replid:(%x+)')
return { clock[1], clock[2], call('ZCARD', key), generation, history or '' }
