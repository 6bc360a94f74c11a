-- The counters of limits that several processes share. The same rules as `sidecar_core::limit::LocalLimiter`, whose
-- tests this script passes too; here every process's calls are in one counter, so there are no shares.
--
-- KEYS: the moment since which this Redis has counted, then the scopes' counters.
-- ARGV: operation (look, take, observe), lane (interactive, background); then for each scope its kind (window, budget,
--       pace), two numbers (limit and span; for a pace period and burst), and what the caller knows of a budget (used,
--       time until its reset), which counts only where nothing is kept; for `observe` what the server said: limit,
--       remaining, reset after, retry after, and how long the answer took (empty: nothing). Times are in milliseconds.
-- Answer: {-n} when scope n is counted in another way; else the wait in microseconds (0: taken), the age of what is
--       kept, and for each scope limit, used, time until a budget's reset, time it is closed, time until it is free.
--
-- A counter is a hash: k kind, n the quota that the server named, b closed until, t when a pace is free again, u and r a
-- budget's count and reset, and for windows cells `c<first call>` = `<calls> <last call>`.

local CELL, MARGIN, MEMORY = 250, 250, 1000
-- Cells of a long window grow, so that there are never many more than these.
local CELLS = 64
-- A quota that the server named outlives the calls, and nothing outlives the longest span.
local KEPT, LONGEST = 60000, 366 * 86400000
local FIELDS_OF_A_SCOPE, BACKGROUND_RATE, BACKGROUND_BURST = 5, 0.95, 5

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local function text(number)
  return string.format('%.3f', number)
end

local function micros(millis)
  return math.ceil(math.min(math.max(millis, 0), LONGEST) * 1000)
end

-- What remains without the last part-th, but never nothing where there was something.
local function leaving(calls, part)
  return math.max(calls - math.ceil(calls / part), math.min(calls, 1))
end

local function read_cells(scope, state)
  scope.covered = scope.span + MARGIN
  scope.cell = math.max(CELL, scope.covered / CELLS)
  scope.known = 0
  for field, value in pairs(state) do
    if field:sub(1, 1) == 'c' then
      local calls, last = value:match('^(%d+) (%d+)$')
      local cell = { first = tonumber(field:sub(2)), last = tonumber(last), calls = tonumber(calls) }
      if cell.last + scope.covered + MEMORY <= now then
        table.insert(scope.gone, field)
      else
        table.insert(scope.cells, cell)
        scope.known = scope.known + cell.calls
        if cell.last + scope.covered > now then
          scope.used = scope.used + cell.calls
        end
      end
    end
  end
end

local function read_budget(scope, state, known, reset)
  scope.reset = tonumber(state.r)
  if scope.reset and scope.reset <= now then
    scope.reset = nil
  elseif scope.reset then
    scope.used = tonumber(state.u) or 0
  elseif known > 0 and reset > 0 then
    -- This Redis has forgotten it, or never knew.
    scope.used, scope.reset = known, now + reset
  end
end

local function read(key, kind, first, second, known, reset)
  local raw, state = redis.call('HGETALL', key), {}
  for i = 1, #raw, 2 do
    state[raw[i]] = raw[i + 1]
  end
  if state.k and state.k ~= kind then
    return nil
  end
  local scope = { key = key, kind = kind, used = 0, cells = {}, fields = { 'k', kind }, gone = {} }
  scope.blocked = math.max((tonumber(state.b) or 0) - now, 0)
  scope.free_at = tonumber(state.t) or 0
  if kind == 'pace' then
    scope.period, scope.burst = first, second
    return scope
  end
  scope.own, scope.span = first, second
  scope.limit = tonumber(state.n) or first
  if kind == 'window' then
    scope.period = scope.span / math.max(scope.limit * BACKGROUND_RATE, 1e-9)
    scope.burst = math.min(BACKGROUND_BURST, math.max(scope.limit, 1))
    read_cells(scope, state)
  else
    read_budget(scope, state, known, reset)
  end
  return scope
end

local function pace_wait(scope)
  return math.max(scope.free_at - (scope.burst - 1) * scope.period - now, 0)
end

local function take_pace(scope)
  scope.free_at = math.max(scope.free_at, now) + scope.period
  table.insert(scope.fields, 't')
  table.insert(scope.fields, text(scope.free_at))
end

local function window_wait(scope, limit)
  if limit == 0 then
    return scope.covered
  elseif scope.used < limit then
    return 0
  end
  table.sort(scope.cells, function(a, b) return a.last < b.last end)
  local left, free_at = scope.used, now
  for _, cell in ipairs(scope.cells) do
    if left < limit then
      break
    elseif cell.last + scope.covered > now then
      left, free_at = left - cell.calls, cell.last + scope.covered
    end
  end
  return free_at - now
end

local function wait(scope, background)
  local wait = scope.blocked
  if scope.kind == 'pace' then
    return math.max(wait, pace_wait(scope))
  elseif scope.kind == 'window' then
    if background then
      wait = math.max(wait, pace_wait(scope))
    end
    return math.max(wait, window_wait(scope, background and leaving(scope.limit, 20) or scope.limit))
  end
  if scope.used < (background and leaving(scope.limit, 10) or scope.limit) then
    return wait
  end
  return math.max(wait, scope.reset and scope.reset - now or scope.span)
end

-- The last cell that began at or before a moment, within so many cells' lengths.
local function cell_of(scope, at, lengths, counts)
  local found
  for _, cell in ipairs(scope.cells) do
    local begun = cell.first <= at and at < cell.first + scope.cell * lengths and cell.calls >= counts
    if begun and (not found or cell.first > found.first) then
      found = cell
    end
  end
  return found
end

-- The first cell with a call that began between two moments.
local function cell_between(scope, from, to)
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

local function add_to_window(scope, at, calls)
  local cell = cell_of(scope, at, 1, 0)
  if not cell then
    cell = { first = math.floor(at), last = 0, calls = 0 }
    table.insert(scope.cells, cell)
  end
  cell.calls, cell.last = cell.calls + calls, math.max(cell.last, math.ceil(at))
  scope.used, scope.known = scope.used + calls, scope.known + calls
  write_cell(scope, cell)
end

-- A call that was asked for `took` ago was answered only now, and the server may have counted it as late as that. Here it
-- was counted where it was asked for, or a little later; another one's place from before does as well.
local function observe_answer(scope, took)
  if took <= MARGIN then
    return
  end
  local cell = cell_of(scope, now - took, 2, 1) or cell_between(scope, now - took, now - MARGIN)
  if cell then
    cell.calls, scope.used, scope.known = cell.calls - 1, scope.used - 1, scope.known - 1
    write_cell(scope, cell)
    add_to_window(scope, now - MARGIN, 1)
  end
end

local function set_budget(scope, used)
  scope.used, scope.reset = used, scope.reset or now + scope.span
  for _, field in ipairs({ 'u', string.format('%.0f', used), 'r', text(scope.reset) }) do
    table.insert(scope.fields, field)
  end
end

local function take(scope, background)
  if scope.kind == 'pace' then
    return take_pace(scope)
  elseif scope.kind == 'budget' then
    return set_budget(scope, scope.used + 1)
  end
  add_to_window(scope, now, 1)
  if background then
    take_pace(scope)
  end
end

local function observe(scope, limit, remaining, reset_after, retry_after, took)
  if retry_after then
    scope.blocked = math.max(scope.blocked, retry_after)
    table.insert(scope.fields, 'b')
    table.insert(scope.fields, text(now + scope.blocked))
  end
  if scope.kind == 'pace' then
    return
  end
  -- A quota of 0 would close the scope for good; `remaining` and `retry after` close it for a while.
  if limit and limit > 0 then
    scope.limit = limit
    if limit == scope.own then
      table.insert(scope.gone, 'n')
    else
      table.insert(scope.fields, 'n')
      table.insert(scope.fields, string.format('%.0f', limit))
    end
  end
  local used = remaining and math.max(scope.limit - remaining, 0)
  if scope.kind == 'window' then
    observe_answer(scope, took or 0)
    -- What exceeds all calls that were let go is somebody else's.
    if used and used > scope.known then
      add_to_window(scope, now, used - scope.known)
    end
  elseif used or reset_after then
    if reset_after then
      scope.reset = now + reset_after
    end
    set_budget(scope, math.max(scope.used, used or 0))
  end
end

-- How long until the counter counts nothing any more.
local function busy(scope)
  local busy = math.max(scope.blocked, scope.free_at - now)
  for _, cell in ipairs(scope.cells) do
    busy = math.max(busy, cell.last + scope.covered - now)
  end
  return math.max(busy, (scope.reset or 0) - now)
end

local function write(scope)
  redis.call('HSET', scope.key, unpack(scope.fields))
  if #scope.gone > 0 then
    redis.call('HDEL', scope.key, unpack(scope.gone))
  end
  redis.call('PEXPIRE', scope.key, math.ceil(math.min(math.max(busy(scope) + MEMORY, KEPT), LONGEST)))
end

local function describe(answer, scope)
  local limit, used = scope.limit, scope.used
  if scope.kind == 'pace' then
    limit, used = scope.burst, math.ceil(math.max(scope.free_at - now, 0) / scope.period)
  end
  table.insert(answer, limit)
  table.insert(answer, math.min(used, 4294967295))
  table.insert(answer, scope.reset and micros(scope.reset - now) or 0)
  table.insert(answer, micros(scope.blocked))
  table.insert(answer, micros(busy(scope)))
end

local operation, background = ARGV[1], ARGV[2] == 'background'
local scopes, longest = {}, 0
for i = 1, #KEYS - 1 do
  local at = 3 + (i - 1) * FIELDS_OF_A_SCOPE
  local number = function(offset) return tonumber(ARGV[at + offset]) end
  local scope = read(KEYS[i + 1], ARGV[at], number(1), number(2), number(3), number(4))
  if not scope then
    return { -i }
  end
  scopes[i], longest = scope, math.max(longest, wait(scope, background))
end

-- Written each time that somebody looks: a Redis that refuses to write cannot count.
local since = operation ~= 'look' and tonumber(redis.call('GET', KEYS[1]) or nil)
if not since then
  redis.call('SET', KEYS[1], text(now), 'NX', 'PX', LONGEST)
  since = tonumber(redis.call('GET', KEYS[1]))
end

if operation == 'observe' then
  local said = function(place) return tonumber(ARGV[2 + FIELDS_OF_A_SCOPE + place]) end
  observe(scopes[1], said(1), said(2), said(3), said(4), said(5))
end
for _, scope in ipairs(scopes) do
  if operation == 'take' and longest == 0 then
    take(scope, background)
  end
  if operation == 'observe' or operation == 'take' and longest == 0 then
    write(scope)
  end
end

local answer = { micros(longest), micros(now - since) }
for _, scope in ipairs(scopes) do
  describe(answer, scope)
end
return answer
