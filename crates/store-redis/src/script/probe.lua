#!lua
-- Does what other scripts do to records, so that a server that answers but does not work is told apart, and so is a user
-- who may not do all of it.
local call, key, value = redis.call, KEYS[1], ARGV[1]
call('UNLINK', key)
call('SET', key, value, 'PX', '60000')
call('SETRANGE', key, '0', value)
call('MGET', key)
call('PTTL', key)
call('PEXPIRE', key, '60000')
return call('TIME')
