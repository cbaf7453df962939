-- Stands before every script. KEYS[1] is the queue's name in braces, so that all its keys are of one slot; every other key is made
-- from it. The clock is the server's, in µs since the Unix epoch; numbers of that size are exact in a double.
local Q = KEYS[1]
local call = redis.call
local time = call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- rfe.ingest.v1.JobKind and JobState.
local EVENTS = '2'
local SUCCEEDED, CANCELLED = '4', '6'
-- A batch holds no more bytes, unless one job alone has more; so many loose bytes make it ready.
local MAX_BATCH_BYTES = 16777216
-- How long it is remembered that a call was made, so that its repetition is known as one.
local REPEATED_MS = 60000

-- Adding 0 makes 0 of -0, which Redis does not read.
local function int(number) return string.format('%.0f', number + 0) end
local function num(text) return tonumber(text or 0) or 0 end

local function job_key(id) return Q .. ':job:' .. id end
local function work_key(id) return Q .. ':work:' .. id end
local function source_key(name) return Q .. ':source:' .. name end
local function loose_key(name) return Q .. ':loose:' .. name end
local function waiting_key(name, kind, reads) return Q .. ':waiting:' .. name .. ':' .. kind .. reads end
local LEASED, TURN, ALL, ENDED = Q .. ':leased', Q .. ':turn', Q .. ':all', Q .. ':ended'
local SOURCES = Q .. ':sources'

local function wake() call('PUBLISH', Q .. ':wake', '') end

-- Counts what a source has. Sources with jobs take turns, by when they were leased from last.
local function count(source, jobs, events, bytes)
  local key = source_key(source)
  local left = call('HINCRBY', key, 'jobs', int(jobs))
  call('HINCRBY', key, 'events', int(events))
  call('HINCRBY', key, 'bytes', int(bytes))
  call('HINCRBY', ALL, 'jobs', int(jobs))
  call('HINCRBY', ALL, 'bytes', int(bytes))
  if left > 0 then
    if call('ZADD', TURN, 'NX', num(call('HGET', key, 'last')), source) == 1 then call('SADD', SOURCES, source) end
  else
    call('ZREM', TURN, source)
  end
end

-- Which bound more jobs and bytes would pass: its name, the bound, and 1 if it is the source's; nothing if none.
local function full(source, jobs, bytes, max_jobs, max_bytes, max_source_jobs, max_source_bytes)
  local all = call('HMGET', ALL, 'jobs', 'bytes')
  if num(all[1]) + jobs > max_jobs then return { 'jobs', int(max_jobs), '0' } end
  if num(all[2]) + bytes > max_bytes then return { 'bytes', int(max_bytes), '0' } end
  local own = call('HMGET', source_key(source), 'jobs', 'bytes')
  if num(own[1]) + jobs > max_source_jobs then return { 'jobs', int(max_source_jobs), '1' } end
  if num(own[2]) + bytes > max_source_bytes then return { 'bytes', int(max_source_bytes), '1' } end
  return nil
end

-- Work that nobody holds waits in one index by source, kind and whether it reads the source.
local function wait(id, source, kind, reads, not_before)
  call('ZADD', waiting_key(source, kind, reads), int(not_before), id)
  call('HINCRBY', source_key(source), 'waiting', 1)
end

local function wait_no_more(id, source, kind, reads)
  if call('ZREM', waiting_key(source, kind, reads), id) == 1 then
    call('HINCRBY', source_key(source), 'waiting', -1)
  end
end

-- True while the lease is held: the one index of what is held says so, and the epoch is the caller's.
local function held(id, epoch)
  return call('ZSCORE', LEASED, id) and call('HGET', work_key(id), 'epoch') == epoch
end

local function let_go(id, source, reads)
  call('ZREM', LEASED, id)
  if reads == '1' then call('HDEL', source_key(source), 'reading') end
end

-- A call whose reply was lost is made again under the same token.
local function remember(id, token) call('SET', Q .. ':last:' .. id, token, 'PX', REPEATED_MS) end
local function is_repeated(id, token) return call('GET', Q .. ':last:' .. id) == token end

-- What a piece of work has: 'job,first,count' by semicolons.
local function items_of(text)
  local items = {}
  for job, first, many in string.gmatch(text, '([^,;]+),(%d+),(%d+)') do
    items[#items + 1] = { job = job, first = tonumber(first), count = tonumber(many) }
  end
  return items
end

local function items_text(items)
  local parts = {}
  for at, item in ipairs(items) do
    parts[at] = item.job .. ',' .. int(item.first) .. ',' .. int(item.count)
  end
  return table.concat(parts, ';')
end

-- The pieces of work that have parts of a job, by commas.
local function replaced(list, old, new)
  local left = {}
  for id in string.gmatch(list, '[^,]+') do
    if id ~= old then left[#left + 1] = id end
  end
  for _, id in ipairs(new) do left[#left + 1] = id end
  return table.concat(left, ',')
end

-- Expires leases that ended; their work may be leased again at once. Some at a time: whoever leases next goes on.
local function expire(until_when, most)
  local expired = call('ZRANGEBYSCORE', LEASED, '-inf', until_when, 'LIMIT', 0, most)
  for _, id in ipairs(expired) do
    local work = call('HMGET', work_key(id), 'source', 'kind', 'reads')
    if work[1] then
      let_go(id, work[1], work[3])
      call('HINCRBY', work_key(id), 'expired', 1)
      call('HSET', work_key(id), 'not_before', int(now), 'updated', int(now), 'worker', '')
      wait(id, work[1], work[2], work[3], now)
    else
      call('ZREM', LEASED, id)
    end
  end
  if #expired > 0 then wake() end
  return #expired
end
