#!lua
-- Keeps the list of the nodes that are alive, scored by the server's time.
--
-- Arguments: the node, and after how many microseconds without a word it is forgotten. Answer: the time, and how many
-- nodes there are.
local call = redis.call
local key, node, patience = KEYS[1], ARGV[1], tonumber(ARGV[2])
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local score = string.format('%.0f', now)
local added = redis.pcall('ZADD', key, score, node)
if type(added) == 'table' then
  if string.sub(added.err, 1, 9) ~= 'WRONGTYPE' then error(added.err) end
  call('UNLINK', key)
  call('ZADD', key, score, node)
end
call('ZREMRANGEBYSCORE', key, '-inf', string.format('(%.0f', now - patience))
-- Nodes that were last heard of in the future, because the clock stepped back, will soon be heard of again.
call('ZREMRANGEBYSCORE', key, '(' .. score, '+inf')
call('ZREMRANGEBYRANK', key, 0, -10001)
call('PEXPIRE', key, string.format('%.0f', patience / 1000 * 2))
return { clock[1], clock[2], call('ZCARD', key) }
