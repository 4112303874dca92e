#!lua
-- Keeps the list of the nodes that are alive, scored by the server's time.
--
-- Arguments: the node, and after how many microseconds without a word it is forgotten. Answer: the time, and how many
-- nodes there are.
local key, node, patience = KEYS[1], ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local score = string.format('%.0f', now)
local added = redis.pcall('ZADD', key, score, node)
if type(added) == 'table' then
  if string.sub(added.err, 1, 9) ~= 'WRONGTYPE' then error(added.err) end
  redis.call('UNLINK', key)
  redis.call('ZADD', key, score, node)
end
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('(%.0f', now - patience))
-- Nodes that were last heard of in the future, because the clock stepped back, will soon be heard of again.
redis.call('ZREMRANGEBYSCORE', key, '(' .. score, '+inf')
redis.call('ZREMRANGEBYRANK', key, 0, -10001)
redis.call('PEXPIRE', key, string.format('%.0f', patience / 1000 * 2))
return { clock[1], clock[2], redis.call('ZCARD', key) }
