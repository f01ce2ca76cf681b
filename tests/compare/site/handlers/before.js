module.exports = async (request, response, status) => {
  response.statusCode = Number(status)
  response.setHeader('X-Before', 'yes')
}
