-- A source is paused or resumed. ARGV: source, 1 to pause.
if ARGV[2] == '1' then
  call('SADD', Q .. ':paused', ARGV[1])
else
  call('SREM', Q .. ':paused', ARGV[1])
  wake()
end
return 'ok'
