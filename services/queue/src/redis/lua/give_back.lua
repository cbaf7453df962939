-- Work goes back, to be leased again. ARGV: id, epoch, token, delay (µs), 1 if an attempt is burnt, the error. Answers 'ok' or 'stale'.
local id, token = ARGV[1], ARGV[3]
if not held(id, ARGV[2]) then return is_repeated(id, token) and 'ok' or 'stale' end
local work = call('HMGET', work_key(id), 'source', 'kind', 'reads')
local not_before = now + num(ARGV[4])
let_go(id, work[1], work[3])
call('HSET', work_key(id), 'not_before', int(not_before), 'updated', int(now), 'worker', '')
if ARGV[5] == '1' then
  call('HINCRBY', work_key(id), 'attempts', 1)
  call('HSET', work_key(id), 'error', ARGV[6])
end
wait(id, work[1], work[2], work[3], not_before)
remember(id, token)
wake()
return 'ok'
