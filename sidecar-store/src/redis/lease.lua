-- A lease is the value `<fence> <holder>` of a key that expires with it. A fence is never below the Redis clock, so fences
-- increase even after Redis has lost its data.
--
-- KEYS: the lease, the last fence. ARGV: operation (acquire, renew, release), holder, TTL in milliseconds, and for renew and
-- release the fence. Returns the fence for acquire and 1 otherwise, or 0 if another holder has the lease.

local operation, holder, ttl, fence = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local current = redis.call('GET', KEYS[1])

if operation == 'acquire' then
  if current then
    return 0
  end
  local time = redis.call('TIME')
  local next_fence = math.max(time[1] * 1000000 + time[2], (tonumber(redis.call('GET', KEYS[2]) or '0')) + 1)
  fence = string.format('%.0f', next_fence)
  redis.call('SET', KEYS[2], fence)
  if ttl > 0 then
    redis.call('SET', KEYS[1], fence .. ' ' .. holder, 'PX', ttl)
  end
  return next_fence
end

if current ~= fence .. ' ' .. holder then
  return 0
elseif operation == 'renew' and ttl > 0 then
  redis.call('PEXPIRE', KEYS[1], ttl)
else
  redis.call('DEL', KEYS[1])
end
return 1
