-- A batch is split into two, inside a job where its middle lies there. ARGV: id, epoch, ids of the halves. Answers 'ok', 'stale' or
-- 'indivisible'.
local id, epoch, halves = ARGV[1], ARGV[2], { ARGV[3], ARGV[4] }
local split = Q .. ':split:' .. id .. ':' .. epoch
if not held(id, epoch) then return call('EXISTS', split) == 1 and 'ok' or 'stale' end
local work = call('HMGET', work_key(id), 'source', 'kind', 'reads', 'created', 'items')
local items, total = items_of(work[5]), 0
for _, item in ipairs(items) do total = total + item.count end
local left = math.floor(total / 2)
if work[2] ~= EVENTS or left == 0 then return 'indivisible' end

local parts = { {}, {} }
for _, item in ipairs(items) do
  local key = job_key(item.job)
  local list = call('HGET', key, 'work') or ''
  if left >= item.count then
    left = left - item.count
    table.insert(parts[1], item)
    call('HSET', key, 'work', replaced(list, id, { halves[1] }))
  elseif left > 0 then
    table.insert(parts[1], { job = item.job, first = item.first, count = left })
    table.insert(parts[2], { job = item.job, first = item.first + left, count = item.count - left })
    call('HSET', key, 'work', replaced(list, id, halves), 'split', 1)
    left = 0
  else
    table.insert(parts[2], item)
    call('HSET', key, 'work', replaced(list, id, { halves[2] }))
  end
end
let_go(id, work[1], work[3])
call('DEL', work_key(id))
for half = 1, 2 do
  -- One µs apart, so that the first half is the first to be leased.
  local not_before = now + half - 2
  call('HSET', work_key(halves[half]), 'source', work[1], 'kind', EVENTS, 'reads', '0', 'attempts', 0, 'expired', 0, 'error', '',
    'not_before', int(not_before), 'created', work[4], 'updated', int(now), 'items', items_text(parts[half]))
  wait(halves[half], work[1], EVENTS, '0', not_before)
end
call('SET', split, 1, 'PX', 86400000)
wake()
return 'ok'
