module.exports = () => [{ text: 'é', list: [1, 2.5, null, true], nested: { a: '' } }, { statusCode: 201, headers: { 'X-Own': '1' } }]
