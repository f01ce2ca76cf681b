module.exports = (request, response) => {
  response.writeHead(200, { 'content-type': 'application/x-bytes', 'content-length': 256 })
  response.end(Buffer.from(Array.from({ length: 256 }, (_, index) => index)))
}
