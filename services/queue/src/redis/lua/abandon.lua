-- A lease that nobody received is given back. ARGV: token of the call that leased, delay (µs). Answers how many there were.
local given = call('GET', Q .. ':given:' .. ARGV[1])
if not given then return 0 end
call('DEL', Q .. ':given:' .. ARGV[1])
local id, epoch = string.match(given, '^(.*)|(.*)$')
if not held(id, epoch) then return 0 end
local work = call('HMGET', work_key(id), 'source', 'kind', 'reads')
let_go(id, work[1], work[3])
call('HSET', work_key(id), 'not_before', int(now + num(ARGV[2])), 'updated', int(now), 'worker', '')
wait(id, work[1], work[2], work[3], now + num(ARGV[2]))
wake()
return 1
