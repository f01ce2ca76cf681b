"""The name that was meant: by whoever mistypes one, or knows it from another server."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from .properties import COMMENTS

# What others call the properties of a mapping and the handlers, in lower case and without "-" and "_".
_OTHERS = {
    "match": "path paths route routes uri uris pattern regex regexp",
    "method": "verb verbs httpmethod httpmethods",
    "host": "hostname hostnames domain domains vhost vhosts virtualhost virtualhosts servername servernames",
    "if-match": "if condition",
    "invert-match": "invert",
    "file": "static files folder dir directory root serve public www",
    "status": "redirect redirects return error code respond response deny block",
    "url": "proxy proxypass reverseproxy forward upstream backend target",
    "custom": "handler function script python code rewrite",
    "use": "middleware app application asgi wsgi tornado express",
    "mirror": "requestmirror inspect inspector webhook",
    "tap": "record recorder spy",
    "compress": "compression gzip brotli zstd deflate",
    "replay": "playback har cassette fixture fixtures recorded",
    "headers": "header addheader setheader responseheaders",
    "fault": "faults delay chaos latency toxic",
    "errors": "errorpage errorpages errordocument",
}
_BY_OTHERS = {other: name for name, others in _OTHERS.items() for other in others.split()}

# What to write instead where one name doesn't say it.
_RECIPES = {
    "redirect": 'write "status": 302, "headers": {"location": "/new"}',
    "rewrite": "its function returns the other URL",
}

# A name of so few letters has too many neighbours: two letters that changed places are a slip, nothing else is.
_SHORT = 3
# In a longer name than this, two slips still show what was meant.
_MIDDLE = 5

_SPECIAL = re.compile(r"[.^$*+?()\[\]{}|\\/]")


def meant(name: str, known: Iterable[str]) -> str | None:
    """The one of the `known` names that this is a misspelling of, or that others call so; None if it may be another.

    A misspelling has one slip (a letter too many, a missing one, a wrong one, or two that changed places), in a longer
    name two, none of them at its first letter: "batch" is no "match".
    """
    known = sorted(known)
    plain = _plain(name)
    for each in known:
        if _plain(each) == plain or _BY_OTHERS.get(plain) == each:
            return each
    near = [(slips(name, each), each) for each in known if _begin_alike(name, each)]
    close = [(count, each) for count, each in near if count <= _allowed(name, each)]
    return min(close)[1] if close else None


def suggestion(name: str, known: Iterable[str], what: str = "Known") -> str:
    """A hint for a name that isn't among the known ones."""
    known = sorted(set(known) - COMMENTS.keys())
    import difflib

    found = meant(name, known)
    if found is None:
        short_for = [each for each in known if each.startswith(name.lower()) and len(name) >= _SHORT]
        found = next(iter(short_for or difflib.get_close_matches(name.lower(), known, 1)), None)
    if found is None:
        return f"{what}: {', '.join(known) or 'none'}"
    recipe = _RECIPES.get(name) if _BY_OTHERS.get(name) == found else None
    return f'Did you mean "{found}"?' if recipe is None else f'Did you mean "{found}"? {recipe[0].upper()}{recipe[1:]}'


def slips(one: str, other: str) -> int:
    """The Damerau-Levenshtein distance of two words, of the kind that edits no letter twice."""
    earlier: list[int] = []
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        earlier, before, row = before, row, [i + 1]
        for j, wanted in enumerate(other):
            least = min(row[j] + 1, before[j + 1] + 1, before[j] + (letter != wanted))
            if i and j and letter == other[j - 1] and one[i - 1] == wanted:
                least = min(least, earlier[j - 1] + 1)
            row.append(least)
    return row[-1]


def misspellings(name: str, known: Collection[str]) -> str:
    """A regular expression (of Python and of ECMA 262) for what is surely meant to be `name`: all with one slip, and
    what others call it. None of the `known` names matches it.
    """
    others = "|".join(map(_escaped, sorted({name, *known})))
    return f"^(?!({others})$)({'|'.join(dict.fromkeys(_spellings(name)))})$"


def _spellings(name: str) -> Iterator[str]:
    yield from _OTHERS.get(name, "").split()
    words = re.split("[-_]", name)
    yield "[-_]?".join("".join(map(_of_any_case, word)) for word in words)
    for index in range(1, len(name)):
        before, letter, after = name[:index], name[index], name[index + 1 :]
        yield _escaped(before[:-1] + letter + before[-1] + after)
        if len(name) > _SHORT:
            yield f"{_escaped(before)}.?{_escaped(after)}"
            yield f"{_escaped(before)}.{_escaped(letter + after)}"
    if len(name) > _SHORT:
        yield f"{_escaped(name)}."


def _escaped(text: str) -> str:
    # `re.escape` escapes "-" too, which ECMA 262 takes for a mistake.
    return _SPECIAL.sub(r"\\\g<0>", text)


def _of_any_case(letter: str) -> str:
    return f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else _escaped(letter)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _begin_alike(name: str, other: str) -> bool:
    return name[:1] == other[:1] or name[:2] == other[1::-1]


def _allowed(name: str, other: str) -> int:
    if len(other) <= _SHORT:
        return int(sorted(name) == sorted(other))
    return 1 if len(other) <= _MIDDLE else 2
