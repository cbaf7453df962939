-- Events come in. ARGV: the four bounds, how long ids are remembered (µs), how many of a source, most events and most bytes of a job,
-- the number of calls; then each call: source, trace, number of ids, ids of its jobs, number of events, and of each its digest and bytes.
-- All of a call or none of it; a call that is refused costs the others nothing. Answers each call with the place of each event's job
-- among its ids, from 1, 0 for a duplicate, by commas; or with the bound that it would pass.
local max_jobs, max_bytes, max_source_jobs, max_source_bytes = num(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4])
local window, max_ids, job_events, job_bytes = num(ARGV[5]), num(ARGV[6]), num(ARGV[7]), num(ARGV[8])
local eager = num(call('HGET', ALL, 'eager'))
local woken = false
local SOME = 1000

-- No two calls share an instant, so that it tells which call an id came with.
local clock = math.max(num(call('GET', Q .. ':clock')), now - 1)

-- The instant at which each of these ids was accepted.
local function accepted_at(seen, first, events)
  local scores = {}
  for from = 1, events, SOME do
    local digests = {}
    for event = from, math.min(events, from + SOME - 1) do digests[#digests + 1] = ARGV[first + 2 * (event - 1)] end
    for at, score in ipairs(call('ZMSCORE', seen, unpack(digests))) do scores[from + at - 1] = score end
  end
  return scores
end

-- Puts events into jobs, in order: the place of each one's job, and the jobs.
local function split(first, events, is_new)
  local places, jobs = {}, {}
  for event = 1, events do
    if is_new[event] then
      local body = ARGV[first + 2 * (event - 1) + 1]
      local job = jobs[#jobs]
      if not job or job.events >= job_events or job.bytes + #body > job_bytes then
        job = { events = 0, bytes = 0, bodies = {} }
        jobs[#jobs + 1] = job
      end
      job.events, job.bytes = job.events + 1, job.bytes + #body
      job.bodies[job.events] = body
      places[event] = #jobs
    else
      places[event] = 0
    end
  end
  return places, jobs
end

local function store(source, trace, id, job)
  local seq = call('INCR', Q .. ':seq')
  call('HSET', job_key(id), 'source', source, 'kind', EVENTS, 'events', job.events, 'bytes', job.bytes,
    'remaining', job.events, 'attempts', 0, 'error', '', 'created', int(now), 'updated', int(now), 'trace', trace, 'seq', seq,
    'at', int(clock), 'work', '', 'body', table.concat(job.bodies))
  -- What a batch is formed by stands in the member, so that forming one reads no job.
  call('ZADD', loose_key(source), seq, id .. '|' .. job.events .. '|' .. job.bytes .. '|' .. int(now))
  call('ZADD', Q .. ':events', seq, id)
  call('ZADD', Q .. ':events:' .. source, seq, id)
end

local function remember_ids(seen, first, events, is_new)
  local some = {}
  for event = 1, events do
    if is_new[event] then
      some[#some + 1] = int(clock)
      some[#some + 1] = ARGV[first + 2 * (event - 1)]
      if #some >= 2 * SOME then
        call('ZADD', seen, unpack(some))
        some = {}
      end
    end
  end
  if #some > 0 then call('ZADD', seen, unpack(some)) end
  local over = call('ZCARD', seen) - max_ids
  if over > 0 then call('ZREMRANGEBYRANK', seen, 0, over - 1) end
  call('PEXPIRE', seen, int(math.max(window / 1000, 1)))
end

local function accept(source, trace, ids, first, events)
  local seen = Q .. ':seen:' .. source
  call('ZREMRANGEBYSCORE', seen, '-inf', int(now - window))
  local scores = accepted_at(seen, first, events)
  local is_new = {}
  local before = call('HGET', job_key(ids[1]), 'at')
  if before then
    -- The call came before, and its reply was lost or it is sent again: what it brought then it brings now.
    for event = 1, events do is_new[event] = scores[event] and int(num(scores[event])) == before end
    return table.concat((split(first, events, is_new)), ',')
  end
  local within = {}
  for event = 1, events do
    local digest = ARGV[first + 2 * (event - 1)]
    is_new[event] = not scores[event] and not within[digest]
    within[digest] = true
  end
  local places, jobs = split(first, events, is_new)
  if #jobs == 0 then return table.concat(places, ',') end
  local fresh, bytes = 0, 0
  for _, job in ipairs(jobs) do fresh, bytes = fresh + job.events, bytes + job.bytes end
  local passed = full(source, #jobs, bytes, max_jobs, max_bytes, max_source_jobs, max_source_bytes)
  if passed then return passed end
  clock = clock + 1
  for at, job in ipairs(jobs) do store(source, trace, ids[at], job) end
  remember_ids(seen, first, events, is_new)
  local key = source_key(source)
  call('HINCRBY', key, 'loose_jobs', #jobs)
  local loose = call('HINCRBY', key, 'loose_events', fresh)
  local loose_bytes = call('HINCRBY', key, 'loose_bytes', bytes)
  count(source, #jobs, fresh, bytes)
  -- The first loose event sets the clock of a batch, the last one fills it; those between change nothing for who waits.
  woken = woken or loose == fresh or (eager > 0 and loose >= eager) or loose_bytes >= MAX_BATCH_BYTES
  return table.concat(places, ',')
end

local answers = {}
local at = 10
for number = 1, num(ARGV[9]) do
  local source, trace, many = ARGV[at], ARGV[at + 1], num(ARGV[at + 2])
  local ids = {}
  for n = 1, many do ids[n] = ARGV[at + 2 + n] end
  local events = num(ARGV[at + 3 + many])
  local first = at + 4 + many
  answers[number] = accept(source, trace, ids, first, events)
  at = first + 2 * events
end
call('SET', Q .. ':clock', int(clock))
if woken then wake() end
return answers
