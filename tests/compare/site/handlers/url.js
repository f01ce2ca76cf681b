module.exports = (request, response, target) => `/${target}`
