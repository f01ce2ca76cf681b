module.exports = () => ['<p>listed</p>', { headers: { 'Content-Type': 'text/html', 'Set-Cookie': ['a=1', 'b=2'] } }]
