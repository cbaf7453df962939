-- Counts by source: {source, queued, running, delayed, events, bytes, age of the oldest that waits (µs), paused}.
local sources = {}
for _, source in ipairs(call('ZRANGE', TURN, 0, -1)) do sources[source] = '0' end
for _, source in ipairs(call('SMEMBERS', Q .. ':paused')) do sources[source] = '1' end

-- Where each job of a source is: 0 held, 1 waiting, 2 delayed. One that is spread over several batches counts once.
local function look(found, id, ends)
  local work = call('HMGET', work_key(id), 'source', 'not_before', 'created', 'items')
  if not work[1] or not found[work[1]] then return end
  local place = 2
  if ends and tonumber(ends) > now then
    place = 0
  elseif ends or num(work[2]) <= now then
    place = 1
  end
  local of = found[work[1]]
  for _, item in ipairs(items_of(work[4])) do
    if not of.places[item.job] or place < of.places[item.job] then of.places[item.job] = place end
  end
  if place ~= 0 then of.oldest = math.min(of.oldest, num(work[3])) end
end

local found = {}
for source in pairs(sources) do
  local oldest = call('ZRANGE', loose_key(source), 0, 0)[1]
  found[source] = { places = {}, oldest = oldest and tonumber(string.match(oldest, '|(%d+)$')) or now }
end
local leased = call('ZRANGE', LEASED, 0, -1, 'WITHSCORES')
for at = 1, #leased, 2 do look(found, leased[at], leased[at + 1]) end
for source in pairs(sources) do
  for kind = 1, 5 do
    for reads = 0, 1 do
      for _, id in ipairs(call('ZRANGE', waiting_key(source, kind, reads), 0, -1)) do look(found, id, nil) end
    end
  end
end
local rows = {}
for source, paused in pairs(sources) do
  local of = call('HMGET', source_key(source), 'loose_jobs', 'events', 'bytes')
  local counts = { [0] = 0, [1] = num(of[1]), [2] = 0 }
  for _, place in pairs(found[source].places) do counts[place] = counts[place] + 1 end
  rows[#rows + 1] = { source, int(counts[1]), int(counts[0]), int(counts[2]), of[2] or '0', of[3] or '0',
    int(math.max(now - found[source].oldest, 0)), paused }
end
return rows
