-- Work is done: it leaves, and with it the jobs of which nothing remains. ARGV: id, epoch, token. Answers 'ok' or 'stale'.
local id, token = ARGV[1], ARGV[3]
if not held(id, ARGV[2]) then return is_repeated(id, token) and 'ok' or 'stale' end
local work = call('HMGET', work_key(id), 'source', 'reads', 'attempts', 'items')
local jobs, events, bytes = 0, 0, 0
for _, item in ipairs(items_of(work[4])) do
  local key = job_key(item.job)
  local left = call('HINCRBY', key, 'remaining', -item.count)
  local of = call('HMGET', key, 'work', 'events', 'bytes')
  call('HSET', key, 'work', replaced(of[1] or '', id, {}), 'run', id, 'attempts', work[3], 'updated', int(now))
  if left <= 0 then
    call('HDEL', key, 'body')
    call('HSET', key, 'ended', int(now), 'outcome', SUCCEEDED)
    call('ZADD', ENDED, int(now), item.job)
    jobs, events, bytes = jobs + 1, events + num(of[2]), bytes + num(of[3])
  end
end
let_go(id, work[1], work[2])
call('DEL', work_key(id))
count(work[1], -jobs, -events, -bytes)
remember(id, token)
-- Only where a reader of the source left can something else be ready now.
if work[2] == '1' then wake() end
return 'ok'
