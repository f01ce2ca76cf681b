module.exports = (request, response) => { response.setHeader('X-Inverted-Too', 'method and path') }
