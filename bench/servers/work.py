"""A handler that computes, for about a millisecond."""

from hashlib import pbkdf2_hmac

from reserve_core import Request, Response


def handler(request: Request, response: Response) -> None:
    response.send(pbkdf2_hmac("sha256", b"hello", b"reserve", 1000).hex())
