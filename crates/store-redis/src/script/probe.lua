#!lua
-- Writes what the scripts' writes need, so that a server that answers but does not work is told apart.
redis.call('SET', KEYS[1], ARGV[1], 'PX', '60000')
return redis.call('TIME')
