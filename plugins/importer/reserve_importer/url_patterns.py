"""nginx's patterns of paths as regular expressions on URLs, which have a query behind the path.

nginx matches the decoded path alone, mappings match path and query. So nothing of a pattern may reach beyond the first
"?", and its end is that "?" or the end of the URL. A pattern is a regular expression from the beginning of the URL on.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from .leftovers import Untranslatable

END = r"(?=\?|$)"

# Variables of nginx by what of the URL they are.
REQUEST_URI, URI, QUERY, ARGS, REST = "request_uri", "uri", "query", "args", "rest"

_TOKEN = re.compile(
    r"\\(?P<escape>.)|(?P<set>\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\])|\(\?(?:P?<(?P<name>[A-Za-z_]\w*)>|(?P<special>[^:)]))"
    r"|(?P<open>\((?!\?))|(?P<other>.)",
    re.DOTALL,
)
_SAME_ESCAPE = re.compile(r"[dswbBtnrf]|[^\w]", re.ASCII)
_WITHOUT_QUESTION_MARK = {"D": r"[^\d?]", "S": r"[^\s?]", "W": r"[^\w?]"}


@dataclass(frozen=True, slots=True)
class URLPattern:
    """What a location or a rewrite takes: `expression` is from the path's beginning, `rest` what may follow it there.

    `condition` is looked ahead for at the beginning; it and the expression hold `groups` groups, of which `names` are
    some.
    """

    expression: str
    rest: str = "[^?]*"
    condition: str = ""
    groups: int = 0
    names: frozenset[str] = frozenset()

    def except_for(self, expression: str) -> URLPattern:
        return replace(self, condition=f"{self.condition}(?!{expression})")

    def within(self, outer: URLPattern) -> URLPattern:
        """This pattern, of URLs that `outer` takes, too."""
        # A group in a condition would shift the numbers of the others.
        looked = re.sub(r"(?<!\\)\((?!\?)|\(\?<\w+>", "(?:", outer.expression) if outer.groups else outer.expression
        condition = outer.condition if looked == "/" else f"{outer.condition}(?={looked})"
        return replace(self, condition=f"{condition}{self.condition}")

    @property
    def match(self) -> str:
        """The property of a mapping for all URLs that the pattern takes."""
        return f"^{self.condition}{self.expression}"

    def capture(self, needs: Collection[str]) -> tuple[str, dict[str, str], int]:
        """The property of a mapping whose groups hold what of the URL `needs` names; the groups; and by how much those
        of the pattern have moved."""
        text = self.expression
        if needs and needs != {REST}:
            text += ".*" if needs == {REQUEST_URI} and self.rest else self.rest
        leading = [name for name in (REQUEST_URI, URI) if name in needs]
        groups = {name: f"${number}" for number, name in enumerate(leading, 1)}
        behind = f"${len(leading) + self.groups + 1}"
        if URI in needs:
            text = f"({text})"
        if REST in needs:
            text, groups[REST] = f"{text}(.*)", behind
        elif QUERY in needs:
            text, groups[QUERY] = rf"{text}(\?.*)?", behind
        elif ARGS in needs:
            text, groups[ARGS] = rf"{text}(?:\?(.*))?", behind
        if REQUEST_URI in needs:
            text = f"({text})" if text.endswith((".*", ")?")) else rf"({text}(?:\?.*)?)"
        return f"^{self.condition}{text}", groups, len(leading)


def prefix(path: str) -> URLPattern:
    """A location: all URLs that begin with `path`, which need not end with a slash."""
    return URLPattern(escaped(path))


def exact(path: str) -> URLPattern:
    """A location with `=`."""
    return URLPattern(f"{escaped(path)}{END}", rest="")


def every() -> URLPattern:
    return URLPattern("/")


def no_folder() -> URLPattern:
    """All paths but those that end with a slash."""
    return URLPattern(f"[^?]*[^/?]{END}", rest="")


def escaped(path: str) -> str:
    """`path` in a regular expression, as canonical URLs spell it."""
    sent = path.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    return re.sub(r"[.^$*+?{}\[\]\\|()]", r"\\\g<0>", sent)


def regular(text: str, *, any_case: bool = False) -> URLPattern:
    """A location with `~` or `~*`, or what `rewrite` looks for. Raises `Untranslatable` for what only PCRE knows."""
    written, names, groups, depth, is_divided = [], set[str](), 0, 0, False
    for token in _TOKEN.finditer(text):
        part = token[0]
        if token["escape"]:
            part = _escape(token["escape"])
        elif token["set"]:
            part = _set(token["set"])
        elif token["name"]:
            names.add(token["name"])
            part = f"(?<{token['name']}>"
            groups, depth = groups + 1, depth + 1
        elif token["special"]:
            if token["special"] not in "=!<i":
                raise Untranslatable(f"a regular expression has no (?{token['special']} here", _WRITE_ANEW)
            depth += 1
        elif token["open"]:
            groups, depth = groups + 1, depth + 1
        elif part == ".":
            part = "[^?]"
        elif part == "$":
            part = END
        elif part == ")":
            depth -= 1
        elif part == "(":  # of "(?:"
            depth += 1
        elif part == "|" and depth == 0:
            is_divided = True
        written.append(part)
    expression = "".join(written)
    ends = expression.endswith(END) and not is_divided
    if expression.startswith("^") and not is_divided:
        expression = expression[1:]
        expression = f"(?i:{expression})" if any_case else expression
    else:
        expression = f"[^?]*?(?{'i' if any_case else ''}:{expression})"
        if not is_divided and not any_case:
            expression = f"[^?]*?{''.join(written)}"
    if text in ("", "^"):
        expression = "/"
    try:
        re.compile(expression.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!"))
    except re.error as error:
        raise Untranslatable(f"the regular expression is none here: {error}", _WRITE_ANEW) from error
    return URLPattern(expression, "" if ends else "[^?]*", groups=groups, names=frozenset(names))


_WRITE_ANEW = "Write a mapping with a match of Python's or JavaScript's syntax"


def _escape(letter: str) -> str:
    if letter in _WITHOUT_QUESTION_MARK:
        return _WITHOUT_QUESTION_MARK[letter]
    if letter == "/":
        return "/"
    if not _SAME_ESCAPE.fullmatch(letter):
        raise Untranslatable(rf"a regular expression has no \{letter} here", _WRITE_ANEW)
    return f"\\{letter}"


def _set(text: str) -> str:
    if "[:" in text:
        raise Untranslatable("a regular expression has no [:class:] here", _WRITE_ANEW)
    return f"[^?{text[2:]}" if text.startswith("[^") and not text.startswith("[^]") else text


class NeedsHost(Exception):
    """A text has the host in it: it can be said for each host by itself."""


def rendered(text: str, pattern: URLPattern, known: dict[str, str]) -> tuple[str, str]:
    """The match that captures all that a text of nginx puts in, and the text with groups for it.

    `known` are variables whose value is known. Raises `Untranslatable` for others, `NeedsHost` for the host.
    """
    parts = _parts(text)
    needs = {_OF_URL[name] for kind, name in parts if kind == "variable" and name in _OF_URL}
    if QUERY in needs and ARGS in needs:
        raise Untranslatable("it has the query twice")
    match, groups, moved = pattern.capture(needs)
    written = ""
    for kind, value in parts:
        if kind == "text":
            if written and re.search(r"\$\w+\Z", written) and re.match(r"\w", value):
                raise Untranslatable(f"a group can't be followed by {value[0]!r}")
            written += value.replace("$", "$$")
        elif kind == "group":
            if int(value) > pattern.groups:
                raise Untranslatable(f"${value} is a group of another expression")
            written += f"${int(value) + moved}"
        elif value in pattern.names:
            written += f"${value}"
        elif value in _OF_URL:
            written += groups[_OF_URL[value]]
        elif value in known:
            written += known[value].replace("$", "$$")
        elif value in ("host", "http_host"):
            raise NeedsHost
        else:
            raise Untranslatable(f"${value} isn't known here", "Write a function: custom, or if-match")
    return match, written


_OF_URL = {
    "request_uri": REQUEST_URI,
    "uri": URI,
    "document_uri": URI,
    "is_args?args": QUERY,
    "args": ARGS,
    "query_string": ARGS,
}
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$([0-9])|\$([A-Za-z_]\w*)", re.ASCII)


def _parts(text: str) -> list[tuple[str, str]]:
    """The literals, groups and variables of a text; $is_args$args is one variable."""
    text = re.sub(r"\$(?:is_args|\{is_args\})\$(?:\{?)(?:args|query_string)\}?", "${is_args_args}", text)
    parts: list[tuple[str, str]] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        if found.start() > end:
            parts.append(("text", text[end : found.start()]))
        name = found[1] or found[3]
        if found[2] or (name or "").isdigit():
            parts.append(("group", found[2] or name))
        else:
            parts.append(("variable", name.replace("is_args_args", "is_args?args")))
        end = found.end()
    if end < len(text):
        parts.append(("text", text[end:]))
    return parts


def has_variables(text: str) -> bool:
    return _VARIABLE.search(text) is not None
