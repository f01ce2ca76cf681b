module.exports = (request, response, number) => Number(number)
