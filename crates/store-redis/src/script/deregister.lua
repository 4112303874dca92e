#!lua
-- Takes a node from the list of those that are alive. Argument: the node.
return redis.pcall('ZREM', KEYS[1], ARGV[1])
