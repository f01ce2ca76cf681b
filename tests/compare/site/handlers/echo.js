const read = request => new Promise(resolve => {
  const parts = []
  request.on('data', part => parts.push(part)).on('end', () => resolve(Buffer.concat(parts)))
})
module.exports = async (request, response) => {
  const body = await read(request)
  response.writeHead(200, { 'content-type': request.headers['content-type'] || 'none', 'content-length': body.length })
  response.end(body)
}
