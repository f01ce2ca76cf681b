async def greet(request, response):
    person = await request.json()
    if not person.get("name"):
        return 400
    return [{"greeting": f"Hello {person['name']}!"}, {"status": 201}]
