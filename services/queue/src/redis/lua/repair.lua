-- Makes indexes and counts agree with the jobs. ARGV: 'jobs' or 'work' and a cursor of SCAN; or 'indexes', or 'counts' and the largest
-- backlog of which everything is counted at once. Answers {next cursor, jobs looked at, what was mended}.
local SOME = 500
local checked, mended = 0, 0

local function each_waiting(source, look)
  for kind = 1, 5 do
    for reads = 0, 1 do
      local key = waiting_key(source, kind, reads)
      for _, id in ipairs(call('ZRANGE', key, 0, -1)) do look(id, key) end
    end
  end
end

-- An open job is loose, or its work is there.
local function check_job(key)
  local of = call('HMGET', key, 'source', 'kind', 'ended', 'work', 'events', 'bytes', 'created', 'seq', 'reads')
  if not of[1] or of[3] then return end
  checked = checked + 1
  local id, known, alive = string.sub(key, #Q + 6), of[4] or '', {}
  for work in string.gmatch(known, '[^,]+') do
    if call('EXISTS', work_key(work)) == 1 then alive[#alive + 1] = work end
  end
  local list = table.concat(alive, ',')
  if list ~= known then
    call('HSET', key, 'work', list)
    mended = mended + 1
  end
  if list ~= '' then return end
  if of[2] == EVENTS then
    local member = id .. '|' .. of[5] .. '|' .. of[6] .. '|' .. of[7]
    mended = mended + call('ZADD', loose_key(of[1]), 'NX', of[8] or 0, member)
  else
    local reads = of[9] or '1'
    -- Its epoch went with it, so that nobody could end the lease.
    call('ZREM', LEASED, id)
    call('HSET', key, 'work', id)
    call('HSET', work_key(id), 'source', of[1], 'kind', of[2], 'reads', reads, 'attempts', 0, 'expired', 0, 'error', '',
      'not_before', int(now), 'created', of[7], 'updated', int(now), 'items', id .. ',0,1')
    wait(id, of[1], of[2], reads, now)
    mended = mended + 1
  end
end

-- Work is held or waits, never both.
local function check_work(key)
  local of = call('HMGET', key, 'source', 'kind', 'reads', 'not_before')
  if not of[1] then return end
  local id = string.sub(key, #Q + 7)
  local waits = call('ZSCORE', waiting_key(of[1], of[2], of[3]), id)
  if call('ZSCORE', LEASED, id) then
    if waits then
      wait_no_more(id, of[1], of[2], of[3])
      mended = mended + 1
    end
  elseif not waits then
    wait(id, of[1], of[2], of[3], num(of[4]))
    mended = mended + 1
  end
end

local function scan(pattern, check)
  local found = call('SCAN', ARGV[2], 'MATCH', Q .. pattern, 'COUNT', SOME)
  for _, key in ipairs(found[2]) do check(key) end
  return found[1]
end

-- What an index names is there.
local function check_indexes()
  for _, id in ipairs(call('ZRANGE', LEASED, 0, -1)) do
    if call('EXISTS', work_key(id)) == 0 then mended = mended + call('ZREM', LEASED, id) end
  end
  for _, source in ipairs(call('SMEMBERS', SOURCES)) do
    each_waiting(source, function(id, key)
      if call('EXISTS', work_key(id)) == 0 then mended = mended + call('ZREM', key, id) end
    end)
    for _, member in ipairs(call('ZRANGE', loose_key(source), 0, SOME - 1)) do
      local of = call('HMGET', job_key(string.match(member, '^[^|]+')), 'ended', 'work')
      if of[1] or of[2] ~= '' then mended = mended + call('ZREM', loose_key(source), member) end
    end
  end
end

local function agree(key, counts)
  for field, counted in pairs(counts) do
    if num(call('HGET', key, field)) ~= counted then
      call('HSET', key, field, int(counted))
      mended = mended + 1
    end
  end
end

local function count_source(source, leased)
  local of = { jobs = 0, events = 0, bytes = 0, loose_jobs = 0, loose_events = 0, loose_bytes = 0, waiting = 0 }
  for _, member in ipairs(call('ZRANGE', loose_key(source), 0, -1)) do
    local events, bytes = string.match(member, '^[^|]+|(%d+)|(%d+)|')
    of.loose_jobs, of.loose_events, of.loose_bytes = of.loose_jobs + 1, of.loose_events + events, of.loose_bytes + bytes
  end
  of.jobs, of.events, of.bytes = of.loose_jobs, of.loose_events, of.loose_bytes
  local seen = {}
  local function add(id)
    for _, item in ipairs(items_of(call('HGET', work_key(id), 'items') or '')) do
      if not seen[item.job] then
        seen[item.job] = true
        local size = call('HMGET', job_key(item.job), 'events', 'bytes')
        of.jobs, of.events, of.bytes = of.jobs + 1, of.events + num(size[1]), of.bytes + num(size[2])
      end
    end
  end
  each_waiting(source, function(id)
    of.waiting = of.waiting + 1
    add(id)
  end)
  for _, id in ipairs(leased[source] or {}) do add(id) end
  agree(source_key(source), of)
  if of.jobs > 0 then
    mended = mended + call('ZADD', TURN, 'NX', num(call('HGET', source_key(source), 'last')), source)
  else
    mended = mended + call('ZREM', TURN, source)
  end
  return of.jobs, of.bytes
end

local function check_counts()
  if num(call('HGET', ALL, 'jobs')) > num(ARGV[2]) then return end
  local leased = {}
  for _, id in ipairs(call('ZRANGE', LEASED, 0, -1)) do
    local source = call('HGET', work_key(id), 'source')
    if source then
      leased[source] = leased[source] or {}
      table.insert(leased[source], id)
    end
  end
  local jobs, bytes = 0, 0
  for _, source in ipairs(call('SMEMBERS', SOURCES)) do
    local own_jobs, own_bytes = count_source(source, leased)
    jobs, bytes = jobs + own_jobs, bytes + own_bytes
  end
  agree(ALL, { jobs = jobs, bytes = bytes })
end

local cursor = '0'
if ARGV[1] == 'jobs' then
  cursor = scan(':job:*', check_job)
elseif ARGV[1] == 'work' then
  cursor = scan(':work:*', check_work)
elseif ARGV[1] == 'indexes' then
  check_indexes()
else
  check_counts()
end
if mended > 0 then wake() end
return { cursor, checked, mended }
