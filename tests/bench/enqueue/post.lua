-- Posts webhooks of 1 KiB. Each is an event of its own: it has no id, so the edge makes one.
local filling = string.rep("x", 1024 - 30)

wrk.method = "POST"
wrk.body = '{"kind":"bench","filling":"' .. filling .. '"}'
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency, requests)
  local seconds = summary.duration / 1e6
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('LOAD {"rate":%.1f,"p50":%.3f,"p99":%.3f,"failed":%d}\n',
    summary.requests / seconds, latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end
