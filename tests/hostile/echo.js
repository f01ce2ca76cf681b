// Node's own http, answering with what it takes for a request: its method, target and the length of its body.
const server = require('http').createServer((request, response) => {
  let length = 0
  request.on('data', data => { length += data.length })
  request.on('end', () => response.end(`<${request.method} ${request.url} ${length}>`))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
