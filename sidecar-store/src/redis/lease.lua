-- A lease: `<fence> <holder>` under its key, which goes when the lease runs out. Fences never go back, not even when
-- Redis forgets everything, because none is less than Redis's clock.
--
-- KEYS: the lease, the last fence given. ARGV: operation (take, renew, release), holder, time to live in milliseconds,
-- and for renew and release the fence. Answer: the fence, or 1; 0 when somebody else holds it.

local operation, holder, ttl, fence = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local found = redis.call('GET', KEYS[1])

if operation == 'take' then
  if found then
    return 0
  end
  local time = redis.call('TIME')
  local next = math.max(time[1] * 1000000 + time[2], (tonumber(redis.call('GET', KEYS[2]) or '0')) + 1)
  fence = string.format('%.0f', next)
  redis.call('SET', KEYS[2], fence)
  if ttl > 0 then
    redis.call('SET', KEYS[1], fence .. ' ' .. holder, 'PX', ttl)
  end
  return next
end

if found ~= fence .. ' ' .. holder then
  return 0
elseif operation == 'renew' and ttl > 0 then
  redis.call('PEXPIRE', KEYS[1], ttl)
else
  redis.call('DEL', KEYS[1])
end
return 1
