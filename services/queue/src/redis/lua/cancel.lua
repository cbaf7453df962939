-- A job leaves that is not one of events; its lease, if one is held, turns stale. ARGV: id. Answers 'ok', also where there is none, or
-- 'events'.
local id = ARGV[1]
local job = call('HMGET', job_key(id), 'source', 'kind', 'ended')
if not job[1] or job[3] then return 'ok' end
if job[2] == EVENTS then return 'events' end
local reads = call('HGET', work_key(id), 'reads') or '0'
if call('ZSCORE', LEASED, id) then
  let_go(id, job[1], reads)
else
  wait_no_more(id, job[1], job[2], reads)
end
call('DEL', work_key(id))
call('HSET', job_key(id), 'ended', int(now), 'updated', int(now), 'outcome', CANCELLED, 'remaining', 0, 'work', '')
call('ZADD', ENDED, int(now), id)
count(job[1], -1, 0, 0)
wake()
return 'ok'
