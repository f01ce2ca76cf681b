"""What a store may raise."""


class Unavailable(Exception):
    """The store can't do it now: Redis is away, or something is full. The message is for the client."""
