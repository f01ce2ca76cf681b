"""The directives that hold for a location: its own, those of its server, and those around that."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .leftovers import Leftovers, Untranslatable
from .nginx_directives import INHERITED, TAKEN_OVER, decisive, is_same, passed_over
from .nginx_reader import Directive

# The one or the other is what nginx calls content; with proxy_pass, files of the folder aren't looked at.
_OF_FILES = ("expires", "autoindex", "index")


@dataclass(frozen=True, slots=True)
class Scope:
    """The blocks around a directive, the inner one first."""

    blocks: tuple[Directive, ...]
    leftovers: Leftovers
    folder: Path  # where nginx's own relative paths begin
    base: Path  # where those of the new configuration do

    def within(self, block: Directive) -> Scope:
        return Scope((block, *self.blocks), self.leftovers, self.folder, self.base)

    @property
    def own(self) -> Directive:
        return self.blocks[0]

    def all(self, name: str) -> list[Directive]:
        """The directives of this name of the innermost block that has any: they replace those around it."""
        return next((found for block in self.blocks if (found := block.all(name))), [])

    def words(self, name: str) -> tuple[str, ...]:
        """The arguments of the directive, () without one."""
        found = self.all(name)
        return found[-1].args if found else ()

    def word(self, name: str, default: str = "") -> str:
        """The one argument of the directive."""
        words = self.words(name)
        if len(words) > 1:
            raise Untranslatable(f"{name} has {len(words)} arguments: is a semicolon missing?")
        return words[0] if words else default

    def path(self, text: str) -> str:
        """A path of nginx's configuration in the new one."""
        path = os.path.normpath(self.folder / text)
        if Path(text).is_absolute():
            return path
        relative = os.path.relpath(path, self.base)
        return relative if relative.startswith("..") else f"./{relative}".removesuffix("/.")

    def add(self, directive: Directive, reason: str, instead: str | None = None) -> None:
        """Names a directive as not taken over."""
        self.leftovers.add(directive.file, directive.line, str(directive), reason, instead)

    def reason_to_refuse(self) -> Directive | None:
        """The first directive that decides about the location and can't be taken over."""
        for block in self.blocks:
            for directive in block.block or ():
                if self._refuses(directive, block):
                    return directive
        return None

    def _refuses(self, directive: Directive, block: Directive) -> bool:
        name = directive.name
        if name in ("allow", "deny", "limit_except") and block.name == "location":
            return False  # `access_mappings` knows some of them
        if directive.args == ("off",) or is_same(directive) or _is_known(directive, block):
            return False
        if decisive(directive) is not None:
            # What is off here is off, whatever is around it.
            return not (self.own.all(name) and self.words(name) == ("off",))
        return block.name in ("server", "location") and passed_over(directive) is None


def _is_known(directive: Directive, block: Directive) -> bool:
    if directive.name == "location" and block.name == "location":
        return False
    return directive.name in TAKEN_OVER.get(block.name, ()) or directive.name in INHERITED


def name_leftovers(scope: Scope) -> None:
    """Names the directives of a block that are neither taken over nor needed."""
    block = scope.own
    for directive in block.block or ():
        if is_same(directive) or (_is_known(directive, block) and not _is_idle(directive, block)):
            continue
        fate = decisive(directive) or passed_over(directive)
        if directive.args == ("off",) and fate is not None and directive.name != "merge_slashes":
            continue
        if decisive(directive) is not None or (fate is None and block.name in ("server", "location")):
            consequence = "; the server answers 501 there" if block.name in ("server", "location") else ""
            reason = fate.reason if fate else "it isn't known, so what it changes isn't either"
            scope.add(directive, f"{reason}{consequence}", fate.instead if fate else None)
        elif fate is None:
            scope.add(directive, "it isn't known")
        else:
            scope.add(directive, fate.reason, fate.instead)


def _is_idle(directive: Directive, block: Directive) -> bool:
    """Whether what could be taken over can't be here."""
    if directive.name == "expires":
        return bool(block.all("proxy_pass"))
    if directive.name == "proxy_redirect":
        return directive.args not in (("off",), ("default",))
    if directive.name == "proxy_set_header":
        return True  # those that are the same are passed before
    if directive.name == "default_type":
        return not block.all("return") and directive.args != ("application/octet-stream",)
    if directive.name == "client_max_body_size":
        return block.name == "location"
    return False


_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}


def seconds(text: str) -> float:
    """nginx's times: 60, 1h30m, 500ms, 30d. Raises `Untranslatable`."""
    parts = re.findall(r"(\d+)(ms|[smhdwMy]?)", text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text.replace(" ", ""):
        raise Untranslatable(f"{text} is no time")
    total = sum(int(number) * (0.001 if unit == "ms" else _SECONDS[unit]) for number, unit in parts)
    return int(total) if total == int(total) else total


def size(text: str) -> int:
    """nginx's sizes in bytes: 8k, 1m, 1g. Raises `Untranslatable`."""
    found = re.fullmatch(r"(\d+)([kKmMgG]?)", text)
    if found is None:
        raise Untranslatable(f"{text} is no size")
    return int(found[1]) << 10 * " kmg".index(found[2].lower() or " ")
