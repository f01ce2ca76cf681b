module.exports = (request, response, one, two, three) => [[one || '', two || '', three || '']]
