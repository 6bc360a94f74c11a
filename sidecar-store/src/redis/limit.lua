-- The shared counters of rate limits. Follows the rules of `sidecar_core::rate_limit::LocalLimiter`, whose tests also run on
-- this script. One counter has the calls of all processes, so there are no shares.
--
-- KEYS: the time since which Redis has been counting, then the counter of each scope.
-- ARGV: operation (inspect, acquire, observe), priority (interactive, background); then for each scope its kind
--       (sliding_window, fixed_window, token_bucket), two numbers (limit and span; for a token bucket period and burst), and
--       the local count of a fixed window (used, time until its reset), which applies only if Redis has no count; for
--       `observe` the feedback of the server: limit, remaining, reset after, retry after and the duration of the call (empty
--       if unknown). Times are in milliseconds.
-- Returns {-n} if Redis counts scope n by another kind. Otherwise the wait in microseconds (0: acquired), the time since Redis
--       started to count, and for each scope: limit, used, time until a fixed window resets, time that it is blocked, time
--       until it is idle.
--
-- A counter is a hash: k kind, n limit set by the server, b blocked until, t time at which a token bucket is full, u and r the
-- count and the reset of a fixed window, and for sliding windows one field per cell, `c<first call>` = `<calls> <last call>`.

local CELL_MS, MARGIN_MS, RETENTION_MS = 250, 250, 1000
-- The cells of a long window are wider, so that there are about this many.
local MAX_CELLS = 64
-- The limit set by the server outlives the calls. No key outlives the maximum span.
local MIN_TTL_MS, MAX_SPAN_MS = 60000, 366 * 86400000
local ARGS_PER_SCOPE, BACKGROUND_RATE, BACKGROUND_BURST = 5, 0.95, 5

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local function text(number)
  return string.format('%.3f', number)
end

local function micros(millis)
  return math.ceil(math.min(math.max(millis, 0), MAX_SPAN_MS) * 1000)
end

-- The limit without the reserve of one nth for interactive calls, but at least 1 if the limit is not 0.
local function without_reserve(limit, nth)
  return math.max(limit - math.ceil(limit / nth), math.min(limit, 1))
end

local function read_sliding_window(scope, state)
  scope.counted_span = scope.span + MARGIN_MS
  scope.cell_span = math.max(CELL_MS, scope.counted_span / MAX_CELLS)
  scope.counted = 0
  for field, value in pairs(state) do
    if field:sub(1, 1) == 'c' then
      local calls, last = value:match('^(%d+) (%d+)$')
      local cell = { first = tonumber(field:sub(2)), last = tonumber(last), calls = tonumber(calls) }
      if cell.last + scope.counted_span + RETENTION_MS <= now then
        table.insert(scope.deleted_fields, field)
      else
        table.insert(scope.cells, cell)
        scope.counted = scope.counted + cell.calls
        if cell.last + scope.counted_span > now then
          scope.used = scope.used + cell.calls
        end
      end
    end
  end
end

local function read_fixed_window(scope, state, local_used, local_reset)
  scope.reset = tonumber(state.r)
  if scope.reset and scope.reset <= now then
    scope.reset = nil
  elseif scope.reset then
    scope.used = tonumber(state.u) or 0
  elseif local_used > 0 and local_reset > 0 then
    -- Redis has no count, so the local one applies.
    scope.used, scope.reset = local_used, now + local_reset
  end
end

local function read(key, kind, first, second, local_used, local_reset)
  local raw, state = redis.call('HGETALL', key), {}
  for i = 1, #raw, 2 do
    state[raw[i]] = raw[i + 1]
  end
  if state.k and state.k ~= kind then
    return nil
  end
  local scope = { key = key, kind = kind, used = 0, cells = {}, fields = { 'k', kind }, deleted_fields = {} }
  scope.blocked = math.max((tonumber(state.b) or 0) - now, 0)
  scope.free_at = tonumber(state.t) or 0
  if kind == 'token_bucket' then
    scope.period, scope.burst = first, second
    return scope
  end
  scope.configured_limit, scope.span = first, second
  scope.limit = tonumber(state.n) or first
  if kind == 'sliding_window' then
    scope.period = scope.span / math.max(scope.limit * BACKGROUND_RATE, 1e-9)
    scope.burst = math.min(BACKGROUND_BURST, math.max(scope.limit, 1))
    read_sliding_window(scope, state)
  else
    read_fixed_window(scope, state, local_used, local_reset)
  end
  return scope
end

local function bucket_wait(scope)
  return math.max(scope.free_at - (scope.burst - 1) * scope.period - now, 0)
end

local function take_token(scope)
  scope.free_at = math.max(scope.free_at, now) + scope.period
  table.insert(scope.fields, 't')
  table.insert(scope.fields, text(scope.free_at))
end

local function sliding_window_wait(scope, limit)
  if limit == 0 then
    return scope.counted_span
  elseif scope.used < limit then
    return 0
  end
  table.sort(scope.cells, function(a, b) return a.last < b.last end)
  local left, free_at = scope.used, now
  for _, cell in ipairs(scope.cells) do
    if left < limit then
      break
    elseif cell.last + scope.counted_span > now then
      left, free_at = left - cell.calls, cell.last + scope.counted_span
    end
  end
  return free_at - now
end

local function wait(scope, background)
  local wait = scope.blocked
  if scope.kind == 'token_bucket' then
    return math.max(wait, bucket_wait(scope))
  elseif scope.kind == 'sliding_window' then
    if background then
      wait = math.max(wait, bucket_wait(scope))
    end
    return math.max(wait, sliding_window_wait(scope, background and without_reserve(scope.limit, 20) or scope.limit))
  end
  if scope.used < (background and without_reserve(scope.limit, 10) or scope.limit) then
    return wait
  end
  return math.max(wait, scope.reset and scope.reset - now or scope.span)
end

-- The last cell that started at most `lengths` cell spans before `at` and has at least `min_calls` calls.
local function find_cell(scope, at, lengths, min_calls)
  local found
  for _, cell in ipairs(scope.cells) do
    local matches = cell.first <= at and at < cell.first + scope.cell_span * lengths and cell.calls >= min_calls
    if matches and (not found or cell.first > found.first) then
      found = cell
    end
  end
  return found
end

-- The first cell with calls that started between two times.
local function find_cell_between(scope, from, to)
  local found
  for _, cell in ipairs(scope.cells) do
    local between = cell.first > from and cell.first < to and cell.calls > 0
    if between and (not found or cell.first < found.first) then
      found = cell
    end
  end
  return found
end

local function write_cell(scope, cell)
  table.insert(scope.fields, string.format('c%.0f', cell.first))
  table.insert(scope.fields, string.format('%.0f %.0f', cell.calls, cell.last))
end

local function add_calls(scope, at, calls)
  local cell = find_cell(scope, at, 1, 0)
  if not cell then
    cell = { first = math.floor(at), last = 0, calls = 0 }
    table.insert(scope.cells, cell)
  end
  cell.calls, cell.last = cell.calls + calls, math.max(cell.last, math.ceil(at))
  scope.used, scope.counted = scope.used + calls, scope.counted + calls
  write_cell(scope, cell)
end

-- Moves a call that took longer than the margin to a later cell, because the server may have counted it as late as its
-- response. Any call of about the same start does.
local function move_slow_call(scope, took)
  if took <= MARGIN_MS then
    return
  end
  local cell = find_cell(scope, now - took, 2, 1) or find_cell_between(scope, now - took, now - MARGIN_MS)
  if cell then
    cell.calls, scope.used, scope.counted = cell.calls - 1, scope.used - 1, scope.counted - 1
    write_cell(scope, cell)
    add_calls(scope, now - MARGIN_MS, 1)
  end
end

local function set_fixed_window(scope, used)
  scope.used, scope.reset = used, scope.reset or now + scope.span
  for _, field in ipairs({ 'u', string.format('%.0f', used), 'r', text(scope.reset) }) do
    table.insert(scope.fields, field)
  end
end

local function count_call(scope, background)
  if scope.kind == 'token_bucket' then
    return take_token(scope)
  elseif scope.kind == 'fixed_window' then
    return set_fixed_window(scope, scope.used + 1)
  end
  add_calls(scope, now, 1)
  if background then
    take_token(scope)
  end
end

local function observe(scope, limit, remaining, reset_after, retry_after, took)
  if retry_after then
    scope.blocked = math.max(scope.blocked, retry_after)
    table.insert(scope.fields, 'b')
    table.insert(scope.fields, text(now + scope.blocked))
  end
  if scope.kind == 'token_bucket' then
    return
  end
  -- A limit of 0 would block the scope forever. `remaining` and `retry after` block it for a while.
  if limit and limit > 0 then
    scope.limit = limit
    if limit == scope.configured_limit then
      table.insert(scope.deleted_fields, 'n')
    else
      table.insert(scope.fields, 'n')
      table.insert(scope.fields, string.format('%.0f', limit))
    end
  end
  local used = remaining and math.max(scope.limit - remaining, 0)
  if scope.kind == 'sliding_window' then
    move_slow_call(scope, took or 0)
    -- Calls beyond the counted ones are from other programs.
    if used and used > scope.counted then
      add_calls(scope, now, used - scope.counted)
    end
  elseif used or reset_after then
    if reset_after then
      scope.reset = now + reset_after
    end
    set_fixed_window(scope, math.max(scope.used, used or 0))
  end
end

-- The time until no call counts any more.
local function time_until_idle(scope)
  local idle_in = math.max(scope.blocked, scope.free_at - now)
  for _, cell in ipairs(scope.cells) do
    idle_in = math.max(idle_in, cell.last + scope.counted_span - now)
  end
  return math.max(idle_in, (scope.reset or 0) - now)
end

local function write(scope)
  redis.call('HSET', scope.key, unpack(scope.fields))
  if #scope.deleted_fields > 0 then
    redis.call('HDEL', scope.key, unpack(scope.deleted_fields))
  end
  redis.call('PEXPIRE', scope.key, math.ceil(math.min(math.max(time_until_idle(scope) + RETENTION_MS, MIN_TTL_MS), MAX_SPAN_MS)))
end

local function append_state(reply, scope)
  local limit, used = scope.limit, scope.used
  if scope.kind == 'token_bucket' then
    limit, used = scope.burst, math.ceil(math.max(scope.free_at - now, 0) / scope.period)
  end
  table.insert(reply, limit)
  table.insert(reply, math.min(used, 4294967295))
  table.insert(reply, scope.reset and micros(scope.reset - now) or 0)
  table.insert(reply, micros(scope.blocked))
  table.insert(reply, micros(time_until_idle(scope)))
end

local operation, background = ARGV[1], ARGV[2] == 'background'
local scopes, longest_wait = {}, 0
for i = 1, #KEYS - 1 do
  local at = 3 + (i - 1) * ARGS_PER_SCOPE
  local number = function(offset) return tonumber(ARGV[at + offset]) end
  local scope = read(KEYS[i + 1], ARGV[at], number(1), number(2), number(3), number(4))
  if not scope then
    return { -i }
  end
  scopes[i], longest_wait = scope, math.max(longest_wait, wait(scope, background))
end

-- `inspect` always writes, to check that Redis accepts writes.
local counting_since = operation ~= 'inspect' and tonumber(redis.call('GET', KEYS[1]) or nil)
if not counting_since then
  redis.call('SET', KEYS[1], text(now), 'NX', 'PX', MAX_SPAN_MS)
  counting_since = tonumber(redis.call('GET', KEYS[1]))
end

if operation == 'observe' then
  local feedback = function(index) return tonumber(ARGV[2 + ARGS_PER_SCOPE + index]) end
  observe(scopes[1], feedback(1), feedback(2), feedback(3), feedback(4), feedback(5))
end
for _, scope in ipairs(scopes) do
  if operation == 'acquire' and longest_wait == 0 then
    count_call(scope, background)
  end
  if operation == 'observe' or operation == 'acquire' and longest_wait == 0 then
    write(scope)
  end
end

local reply = { micros(longest_wait), micros(now - counting_since) }
for _, scope in ipairs(scopes) do
  append_state(reply, scope)
end
return reply
