"""The states of a connection and of the exchanges on it: what may come next, and what may still be said."""

from __future__ import annotations

from enum import IntEnum


class ConnectionState(IntEnum):
    """What the next byte from the client is. Up to `BODY` it is HTTP's; from `ENDING` on no more requests are read.

    | state       | what comes from the client                        | it goes on to                               |
    |-------------|---------------------------------------------------|---------------------------------------------|
    | `IDLE`      | a request; earlier ones may still be at work      | `HEAD`; `UPGRADING`, behind a request to    |
    |             |                                                   | upgrade                                     |
    | `HEAD`      | more of a request's head                          | `BODY`; `IDLE`, if there is none            |
    | `BODY`      | more of a request's body                          | `IDLE`                                      |
    | `UPGRADING` | of which protocol, the response says: it is kept  | `UPGRADED` by a 101, `IDLE` by another one  |
    | `ENDING`    | nothing of use: what is read is answered, then    | `LINGERING`                                 |
    |             | comes the error that ends the connection, if any  |                                             |
    | `LINGERING` | nothing of use: all is said, and the client may   | `CLOSED`                                    |
    |             | read it before the connection is closed           |                                             |
    | `UPGRADED`  | the other protocol's, as a stream                 | `CLOSED`                                    |
    | `CLOSED`    | nothing: its transport is closed, or closing      |                                             |

    Beyond that, `IDLE` to `BODY` go on to `ENDING` when the client breaks the protocol, the limits or the time it has,
    and with what comes behind its last request. `IDLE` to `ENDING` go on to `LINGERING` behind a last response. All go
    on to `CLOSED`: `IDLE` when its time is over or the server stops, any when the client has gone or is cut off.
    """

    IDLE = 0
    HEAD = 1
    BODY = 2
    UPGRADING = 3
    ENDING = 4
    LINGERING = 5
    UPGRADED = 6
    CLOSED = 7


class ExchangeState(IntEnum):
    """How far the response is. From `COMPLETE` on nothing more can be said.

    | state       | of the response                                           | it goes on to                       |
    |-------------|-----------------------------------------------------------|-------------------------------------|
    | `WAITING`   | nothing is said, interim responses apart                  | `BEGUN`, `COMPLETE`, `SWITCHED`     |
    | `BEGUN`     | the head is made, and waits a moment for the first chunk  | `STREAMING`, `COMPLETE`             |
    | `STREAMING` | the head is out, the body follows                         | `COMPLETE`                          |
    | `COMPLETE`  | all is out, or on its way                                 |                                     |
    | `SWITCHED`  | it was a 101: the connection belongs to a handler         |                                     |
    | `LOST`      | the client gets no more: it has gone, or was cut off      |                                     |

    Up to `STREAMING`, all go on to `LOST` when the client has gone. A response that is given up goes from `STREAMING`
    to `LOST`, so that the client notices; before that to `COMPLETE`, as an error. One that is reset goes to `LOST`.
    """

    WAITING = 0
    BEGUN = 1
    STREAMING = 2
    COMPLETE = 3
    SWITCHED = 4
    LOST = 5


class Framing(IntEnum):
    """What tells the client where the body of a response ends (RFC 9112 6.3)."""

    NO_BODY = 0  # HEAD, 204, 304
    LENGTH = 1
    CHUNKED = 2
    CLOSE = 3  # the end of the connection


# By these names they are compared on the way of each request: to look one up in its class costs more.
IDLE, HEAD, BODY, UPGRADING, ENDING, LINGERING, UPGRADED, CLOSED = ConnectionState
WAITING, BEGUN, STREAMING, COMPLETE, SWITCHED, LOST = ExchangeState
NO_BODY, LENGTH, CHUNKED, CLOSE = Framing
