module.exports = request => request.url
