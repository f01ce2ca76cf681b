"""Where in a document its script goes: as far ahead as can be, without changing what the document is."""

from __future__ import annotations

import re
from typing import Final

# More than any document has in front of its head.
LONGEST: Final = 16 * 1024
# UTF-16 and UTF-32, in which nothing can be written as ASCII.
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")

# What a parser of HTML may find before the content of <head>, in any case and order: with a script behind any of it,
# what follows is parsed as before (HTML 13.2.6.4). The parts have no beginning in common, and give nothing back.
_PART: Final = re.compile(
    rb"""
    [\ \t\n\f\r]++
    | <!--(?: -?> | .*?--!?> )                                            # a comment
    | <[!?](?!--)[^>]*+>                                                  # the doctype; <?xml ...?> is a comment, too
    | <(?:html|head)(?=[\ \t\n\f\r/>])(?: [^>"']++ | "[^"]*+" | '[^']*+' )*+>
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# What may become such a part with more of the document.
_BEGUN: Final = re.compile(rb"<(?:[!?].*|/?[a-z]*|(?:html|head)[ \t\n\f\r/].*)\Z", re.IGNORECASE | re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"


def script_place(document: bytes, complete: bool) -> int | None:
    """The position in a document, of which at least the beginning is here; None: that isn't enough to tell.

    It's told once the document is `complete`, or as long as `LONGEST`.
    """
    complete = complete or len(document) >= LONGEST
    position = len(_BOM) if document.startswith(_BOM) else 0
    while (part := _PART.match(document, position)) is not None:
        position = part.end()
        if part[0][:5].lower() == b"<head":
            return position
    if complete:
        return position
    rest = document[position:]
    return None if not rest or len(document) < 4 or _BEGUN.match(rest) else position


def is_wide(document: bytes) -> bool:
    """Whether a document says itself that its characters aren't written as ASCII is (Encoding 6.1)."""
    return document.startswith(_WIDE)
