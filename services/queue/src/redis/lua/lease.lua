-- Leases the work whose turn it is. ARGV: token of the call, worker, period (µs), most events of a batch, age of one (µs), id for a new
-- batch, then the kinds. Answers {'work', id, epoch, source, kind, attempts, expired, trace, items}, or {'nothing', µs until the clock
-- alone makes something ready, or ''}.
local token, worker, period, max_rows, max_age, new_batch = ARGV[1], ARGV[2], num(ARGV[3]), num(ARGV[4]), num(ARGV[5]), ARGV[6]
local kinds, takes_events = {}, false
for at = 7, #ARGV do
  kinds[#kinds + 1] = ARGV[at]
  takes_events = takes_events or ARGV[at] == EVENTS
end

local function answer(id)
  local work = call('HMGET', work_key(id), 'epoch', 'source', 'kind', 'attempts', 'expired', 'items')
  local first = string.match(work[6], '^[^,]+')
  local trace = call('HGET', job_key(first), 'trace')
  return { 'work', id, work[1], work[2], work[3], work[4], work[5], trace or '', work[6] }
end

-- The call came before, and its reply was lost.
local given = call('GET', Q .. ':given:' .. token)
if given then
  local id, epoch = string.match(given, '^(.*)|(.*)$')
  if held(id, epoch) then return answer(id) end
end

expire(now, 100)
local eager = num(call('HGET', ALL, 'eager'))
if eager == 0 or max_rows < eager then call('HSET', ALL, 'eager', max_rows) end

local due = nil
local function sooner(at) if not due or at < due then due = at end end

-- The first ready work of a source.
local function ready(source, is_read)
  local best, since
  for _, kind in ipairs(kinds) do
    for reads = 0, 1 do
      local head = call('ZRANGE', waiting_key(source, kind, reads), 0, 0, 'WITHSCORES')
      if head[1] and tonumber(head[2]) > now then
        sooner(tonumber(head[2]))
      elseif head[1] and (reads == 0 or not is_read) and (not since or tonumber(head[2]) < since) then
        best, since = head[1], tonumber(head[2])
      end
    end
  end
  return best
end

-- True if the loose events of a source make a batch.
local function is_batch(source, events, bytes)
  if not takes_events or events == 0 then return false end
  local oldest = call('ZRANGE', loose_key(source), 0, 0)[1]
  if not oldest then return false end
  local created = tonumber(string.match(oldest, '|(%d+)$'))
  if events >= max_rows or bytes >= MAX_BATCH_BYTES or created <= now - max_age then return true end
  sooner(created + max_age)
  return false
end

-- Takes the oldest loose jobs of a source, at least one.
local function form(source)
  local taken, events, bytes, created = {}, 0, 0, nil
  local key = loose_key(source)
  for _, member in ipairs(call('ZRANGE', key, 0, max_rows - 1)) do
    local id, many, size, at = string.match(member, '^([^|]+)|(%d+)|(%d+)|(%d+)$')
    many, size = tonumber(many), tonumber(size)
    if #taken > 0 and (events + many > max_rows or bytes + size > MAX_BATCH_BYTES) then break end
    created = created or at
    events, bytes = events + many, bytes + size
    taken[#taken + 1] = { job = id, first = 0, count = many }
  end
  call('ZREMRANGEBYRANK', key, 0, #taken - 1)
  for _, item in ipairs(taken) do call('HSET', job_key(item.job), 'work', new_batch) end
  call('HINCRBY', source_key(source), 'loose_jobs', int(-#taken))
  call('HINCRBY', source_key(source), 'loose_events', int(-events))
  call('HINCRBY', source_key(source), 'loose_bytes', int(-bytes))
  call('HSET', work_key(new_batch), 'source', source, 'kind', EVENTS, 'reads', '0', 'attempts', 0, 'expired', 0, 'error', '',
    'not_before', int(now), 'created', created, 'updated', int(now), 'items', items_text(taken))
  return new_batch
end

local function choose()
  for _, source in ipairs(call('ZRANGE', TURN, 0, -1)) do
    if call('SISMEMBER', Q .. ':paused', source) == 0 then
      local of = call('HMGET', source_key(source), 'waiting', 'reading', 'loose_events', 'loose_bytes')
      local is_read = of[2] and call('ZSCORE', LEASED, of[2])
      local id = num(of[1]) > 0 and ready(source, is_read)
      if id then return source, id end
      if is_batch(source, num(of[3]), num(of[4])) then return source, form(source) end
    end
  end
end

local source, id = choose()
if not id then
  local expiry = call('ZRANGE', LEASED, 0, 0, 'WITHSCORES')[2]
  if expiry then sooner(tonumber(expiry)) end
  return { 'nothing', due and int(math.max(due - now, 0)) or '' }
end
-- Greater than any before, also where the server lost its newest writes.
local epoch = math.max(num(call('GET', Q .. ':epoch')) + 1, now)
call('SET', Q .. ':epoch', int(epoch))
local work = call('HMGET', work_key(id), 'kind', 'reads')
wait_no_more(id, source, work[1], work[2])
call('ZADD', LEASED, int(now + period), id)
call('HSET', work_key(id), 'epoch', int(epoch), 'worker', worker, 'updated', int(now))
call('HSET', source_key(source), 'last', int(epoch))
if work[2] == '1' then call('HSET', source_key(source), 'reading', id) end
call('ZADD', TURN, 'XX', int(epoch), source)
call('SET', Q .. ':given:' .. token, id .. '|' .. int(epoch), 'PX', REPEATED_MS)
return answer(id)
