// Node's own http, with nothing on top. Arguments: port.
require('http')
  .createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 5 })
    response.end('hello')
  })
  .listen(Number(process.argv[2]), '127.0.0.1')
