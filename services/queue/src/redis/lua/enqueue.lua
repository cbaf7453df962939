-- A job that is not one of events comes in. ARGV: id, source, kind, reads, trace, then the four bounds.
-- One that is there is left as it is; one that left is queued again. Answers 'ok', or the bound that it would pass.
local id, source, kind, reads, trace = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local known = call('HMGET', job_key(id), 'kind', 'ended')
if known[1] and (known[1] == EVENTS or not known[2]) then return { 'ok' } end
local passed = full(source, 1, 0, num(ARGV[6]), num(ARGV[7]), num(ARGV[8]), num(ARGV[9]))
if passed then return passed end
if known[1] then
  call('HDEL', job_key(id), 'ended', 'outcome')
  call('ZREM', ENDED, id)
else
  call('HSET', job_key(id), 'source', source, 'kind', kind, 'events', 0, 'bytes', 0, 'created', int(now), 'run', id)
end
call('HSET', job_key(id), 'remaining', 1, 'attempts', 0, 'error', '', 'updated', int(now), 'trace', trace, 'work', id,
  'reads', reads)
call('HSET', work_key(id), 'source', source, 'kind', kind, 'reads', reads, 'attempts', 0, 'expired', 0, 'error', '',
  'not_before', int(now), 'created', int(now), 'updated', int(now), 'items', id .. ',0,1')
wait(id, source, kind, reads, now)
count(source, 1, 0, 0)
wake()
return { 'ok' }
