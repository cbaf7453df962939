-- What is known of jobs. ARGV: 'one', id; or 'list', source or '', the id before the page or '', limit. Answers a list of
-- {id, source, kind, run, split, attempts, events, created, updated, error, outcome, work, attempts of it, its update, its error,
-- its not_before, its lease's end}, and µs of the server's clock before it.
local FIELDS = { 'source', 'kind', 'run', 'split', 'attempts', 'events', 'created', 'updated', 'error', 'outcome', 'work' }

-- Of the batches that share a job, the one that a worker holds tells most, then the one that failed most often.
local function telling(list)
  local best
  for id in string.gmatch(list, '[^,]+') do
    local of = call('HMGET', work_key(id), 'attempts', 'updated', 'error', 'not_before')
    local ends = call('ZSCORE', LEASED, id)
    local one = { id, of[1] or '0', of[2] or '0', of[3] or '', of[4] or '', ends and int(num(ends)) or '' }
    local better = not best or (one[6] ~= '' and best[6] == '')
      or ((one[6] ~= '') == (best[6] ~= '') and num(one[2]) > num(best[2]))
    if better then best = one end
  end
  return best or { '', '', '', '', '', '' }
end

local function known(id)
  local of = call('HMGET', job_key(id), unpack(FIELDS))
  if not of[1] then return nil end
  local row = { id }
  for at = 1, 10 do row[at + 1] = of[at] or '' end
  for at, value in ipairs(telling(of[11] or '')) do row[11 + at] = value end
  return row
end

local ids
if ARGV[1] == 'one' then
  ids = { ARGV[2] }
else
  local index = ARGV[2] == '' and Q .. ':events' or Q .. ':events:' .. ARGV[2]
  local before = '+inf'
  if ARGV[3] ~= '' then
    local seq = call('HGET', job_key(ARGV[3]), 'seq')
    if not seq then return { int(now), {} } end
    before = '(' .. seq
  end
  ids = call('ZREVRANGEBYSCORE', index, before, '-inf', 'LIMIT', 0, num(ARGV[4]))
end
local rows = {}
for _, id in ipairs(ids) do rows[#rows + 1] = known(id) end
return { int(now), rows }
