module.exports = (request, response) => { response.setHeader('X-First', 'yes') }
