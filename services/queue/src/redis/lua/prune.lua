-- Jobs that left a while ago are forgotten. ARGV: how long they are remembered (µs), how many, most to forget at once. Answers how many
-- were forgotten.
local most = num(ARGV[3])
local old = call('ZRANGEBYSCORE', ENDED, '-inf', int(now - num(ARGV[1])), 'LIMIT', 0, most)
local over = math.min(call('ZCARD', ENDED) - num(ARGV[2]), most)
if over > #old then old = call('ZRANGE', ENDED, 0, over - 1) end
for _, id in ipairs(old) do
  local source = call('HGET', job_key(id), 'source')
  call('DEL', job_key(id))
  call('ZREM', ENDED, id)
  call('ZREM', Q .. ':events', id)
  if source then call('ZREM', Q .. ':events:' .. source, id) end
end
return #old
