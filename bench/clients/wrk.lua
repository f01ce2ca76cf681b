-- With an argument, a file, wrk sends its content with POST.
init = function(args)
  if args[1] then
    local file = assert(io.open(args[1], 'rb'))
    wrk.method = 'POST'
    wrk.body = file:read('*a')
    wrk.headers['Content-Type'] = 'application/json'
    file:close()
  end
end

-- Ends wrk's output with one line of JSON. Times are in microseconds.
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "duration": %d, "bytes": %d, "p50": %d, "p99": %d, "errors": '
      .. '{"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status
  ))
end
