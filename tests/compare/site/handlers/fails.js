module.exports = async (request, response) => {
  response.setHeader('X-Before', 'yes')
  throw new Error('secret')
}
