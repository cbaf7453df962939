-- A lease is made to last. ARGV: id, epoch, period (µs). Answers 'held', 'cancelled' or 'stale'.
local id = ARGV[1]
if held(id, ARGV[2]) then
  call('ZADD', LEASED, 'XX', int(now + num(ARGV[3])), id)
  return 'held'
end
if call('HGET', job_key(id), 'outcome') == CANCELLED then return 'cancelled' end
return 'stale'
