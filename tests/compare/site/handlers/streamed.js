module.exports = async (request, response) => {
  response.setHeader('content-type', 'text/plain')
  response.write('one ')
  response.write('two ')
  response.end('three')
}
