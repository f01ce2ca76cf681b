module.exports = request => [{ method: request.method, url: request.url, x: request.headers['x-name'] || null }]
