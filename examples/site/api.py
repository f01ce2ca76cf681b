"""The site's own functions: an API with its data in memory, and what the error page needs."""

from time import perf_counter

BOOKS = {
    "1": {"title": "The Left Hand of Darkness", "author": "Ursula K. Le Guin", "year": 1969},
    "2": {"title": "Invisible Cities", "author": "Italo Calvino", "year": 1972},
    "3": {"title": "The Dispossessed", "author": "Ursula K. Le Guin", "year": 1974},
}
SHELF = 100  # how many books it holds: anyone may add some


class ServerTiming:
    """ASGI middleware: tells how long the mappings behind it took; browsers show it beside the request."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        begun = perf_counter()

        async def send_timed(message):
            if message["type"] == "http.response.start":
                spent = f"app;dur={(perf_counter() - begun) * 1000:.2f}".encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"server-timing", spent)]}
            await send(message)

        await self.app(scope, receive, send_timed)


def allow_any_origin(request, response):
    """Adds a header to every answer of the API. It answers nothing itself, so the mappings that follow do."""
    response.headers["access-control-allow-origin"] = "*"


def book(request, response, number):
    """One book. The group `:id` of the match comes as an argument."""
    if number not in BOOKS:
        return [{"error": f"There is no book {number}"}, {"status": 404}]
    return [{"id": number, **BOOKS[number]}]


def books(request, response):
    """All books, or those of an author: `?author=calvino`."""
    author = request.query.get("author", "").lower()
    return [[{"id": number, **book} for number, book in BOOKS.items() if author in book["author"].lower()]]


async def add(request, response):
    """Adds the book that was sent. A body that isn't JSON never comes to the checks: `request.json()` answers 400."""
    sent = await request.json()
    if not isinstance(sent, dict) or not isinstance(sent.get("title"), str) or not isinstance(sent.get("author"), str):
        return [{"error": "A book needs a title and an author"}, {"status": 422}]
    if len(BOOKS) >= SHELF:
        return [{"error": "The shelf is full until the server starts anew"}, {"status": 507}]
    number = str(len(BOOKS) + 1)
    BOOKS[number] = {"title": sent["title"], "author": sent["author"], "year": sent.get("year")}
    return [{"id": number, **BOOKS[number]}, {"status": 201, "headers": {"location": f"/api/books/{number}"}}]


def newest(request, response):
    """A text that is returned is a URL: the mappings start again with it, and the client sees only the answer."""
    return f"/api/books/{list(BOOKS)[-1]}"


def is_stranger(request, url, match):
    """For `if-match`: whether the mapping applies to this request."""
    return request.query.get("key") != "sesame"


def not_found(request, response):
    """Sets the status and leaves the page to the next mapping."""
    response.status = 404
