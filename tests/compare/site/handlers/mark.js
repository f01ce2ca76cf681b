module.exports = (request, response) => { response.setHeader('X-Inverted', 'path') }
