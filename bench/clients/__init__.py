"""What loads the servers. `Wrk` asks for one path over and over; the others speak what it doesn't."""

from .base import CONNECTIONS, Client, Request, check_response
from .echo import Echo
from .fanout import FanOut
from .wrk import Wrk

__all__ = ["CONNECTIONS", "Client", "Echo", "FanOut", "Request", "Wrk", "check_response"]
