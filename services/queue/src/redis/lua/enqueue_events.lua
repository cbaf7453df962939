-- Events come in. ARGV: the four bounds, how long ids are remembered (µs), how many of a source, most events and most bytes of a job,
-- the number of calls; then each call: source, trace, number of ids, ids of its jobs, number of events, and of each its digest and bytes.
-- All of a call or none of it; a call that is refused costs the others nothing. Answers each call with the place of each event's job
-- among its ids, from 1, 0 for a duplicate, by commas; or with the bound that it would pass.
-- What calls add to indexes and counts is written once for all of them: commands are what this costs.
local max_jobs, max_bytes, max_source_jobs, max_source_bytes = num(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4])
local window, max_ids, job_events, job_bytes = num(ARGV[5]), num(ARGV[6]), num(ARGV[7]), num(ARGV[8])
local SOME = 1000

-- No two calls share an instant, so that it tells which call an id came with.
local clock = math.max(num(call('GET', Q .. ':clock')), now - 1)
local seq = num(call('GET', Q .. ':seq'))
local all = call('HMGET', ALL, 'jobs', 'bytes', 'eager')
local all_jobs, all_bytes, eager = num(all[1]), num(all[2]), num(all[3])
local instant = int(now)
local sources, order, index = {}, {}, {}

-- What a source has, and what this script adds to it.
local function source_of(name)
  local of = sources[name]
  if of then return of end
  local own = call('HMGET', source_key(name), 'jobs', 'bytes', 'loose_events', 'loose_bytes')
  of = { name = name, seen_key = Q .. ':seen:' .. name, jobs = num(own[1]), bytes = num(own[2]), was_loose = num(own[3]),
    was_loose_bytes = num(own[4]), accepted = {}, seen = {}, loose = {}, listed = {}, new_jobs = 0, new_events = 0, new_bytes = 0 }
  call('ZREMRANGEBYSCORE', of.seen_key, '-inf', int(now - window))
  sources[name], order[#order + 1] = of, of
  return of
end

-- The instant at which each of these ids was accepted.
local function accepted_at(of, first, events)
  local scores = {}
  for from = 1, events, SOME do
    local digests = {}
    for event = from, math.min(events, from + SOME - 1) do digests[#digests + 1] = ARGV[first + 2 * (event - 1)] end
    for at, score in ipairs(call('ZMSCORE', of.seen_key, unpack(digests))) do
      scores[from + at - 1] = of.accepted[digests[at]] or (score and int(num(score)))
    end
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

local function passes(of, jobs, bytes)
  if all_jobs + jobs > max_jobs then return { 'jobs', int(max_jobs), '0' } end
  if all_bytes + bytes > max_bytes then return { 'bytes', int(max_bytes), '0' } end
  if of.jobs + jobs > max_source_jobs then return { 'jobs', int(max_source_jobs), '1' } end
  if of.bytes + bytes > max_source_bytes then return { 'bytes', int(max_source_bytes), '1' } end
  return nil
end

local function store(of, trace, id, job)
  seq = seq + 1
  call('HSET', job_key(id), 'source', of.name, 'kind', EVENTS, 'events', job.events, 'bytes', job.bytes,
    'remaining', job.events, 'attempts', '0', 'error', '', 'created', instant, 'updated', instant, 'trace', trace, 'seq', seq,
    'at', int(clock), 'work', '', 'body', job.events == 1 and job.bodies[1] or table.concat(job.bodies))
  local place = #of.loose
  -- What a batch is formed by stands in the member, so that forming one reads no job.
  of.loose[place + 1], of.loose[place + 2] = seq, id .. '|' .. job.events .. '|' .. job.bytes .. '|' .. instant
  of.listed[place + 1], of.listed[place + 2] = seq, id
  index[#index + 1] = seq
  index[#index + 1] = id
end

local function accept(source, trace, ids, first, events)
  local of = source_of(source)
  local scores, is_new = accepted_at(of, first, events), {}
  local before = call('HGET', job_key(ids[1]), 'at')
  if before then
    -- The call came before, and its reply was lost or it is sent again: what it brought then it brings now.
    for event = 1, events do is_new[event] = scores[event] == before end
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
  local passed = passes(of, #jobs, bytes)
  if passed then return passed end
  clock = clock + 1
  for at, job in ipairs(jobs) do store(of, trace, ids[at], job) end
  local stamp, seen, accepted = int(clock), of.seen, of.accepted
  for event = 1, events do
    if is_new[event] then
      local digest = ARGV[first + 2 * (event - 1)]
      accepted[digest] = stamp
      seen[#seen + 1] = stamp
      seen[#seen + 1] = digest
    end
  end
  all_jobs, all_bytes = all_jobs + #jobs, all_bytes + bytes
  of.jobs, of.bytes = of.jobs + #jobs, of.bytes + bytes
  of.new_jobs, of.new_events, of.new_bytes = of.new_jobs + #jobs, of.new_events + fresh, of.new_bytes + bytes
  return table.concat(places, ',')
end

local function add(key, pairs_of)
  for from = 1, #pairs_of, 2 * SOME do
    call('ZADD', key, unpack(pairs_of, from, math.min(#pairs_of, from + 2 * SOME - 1)))
  end
end

-- Writes what a source was given. True if those who wait for work shall look again: the first loose event sets the clock of a batch, the
-- last one fills it; those between change nothing for them.
local function settle(of)
  if of.new_jobs == 0 then return false end
  local key = source_key(of.name)
  add(loose_key(of.name), of.loose)
  add(Q .. ':events:' .. of.name, of.listed)
  add(of.seen_key, of.seen)
  local over = call('ZCARD', of.seen_key) - max_ids
  if over > 0 then call('ZREMRANGEBYRANK', of.seen_key, 0, over - 1) end
  call('PEXPIRE', of.seen_key, int(math.max(window / 1000, 1)))
  call('HINCRBY', key, 'loose_jobs', of.new_jobs)
  call('HINCRBY', key, 'loose_events', of.new_events)
  call('HINCRBY', key, 'loose_bytes', of.new_bytes)
  count(of.name, of.new_jobs, of.new_events, of.new_bytes)
  local loose = of.was_loose + of.new_events
  return of.was_loose == 0 or (eager > 0 and loose >= eager) or of.was_loose_bytes + of.new_bytes >= MAX_BATCH_BYTES
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
local woken = false
for _, of in ipairs(order) do woken = settle(of) or woken end
if #index > 0 then
  add(Q .. ':events', index)
  call('SET', Q .. ':seq', int(seq))
  call('SET', Q .. ':clock', int(clock))
end
if woken then wake() end
return answers
