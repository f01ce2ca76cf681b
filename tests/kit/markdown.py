"""What the pages show: their sections, with the files and the commands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FENCED = re.compile(r"\n\n```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass
class Block:
    """A fenced block: `name` is the file that the line before it names, `prose` what stands between it and the last."""

    language: str
    text: str
    name: str | None
    prose: str

    def commands(self) -> list[tuple[str, str]]:
        """The commands of a console, each with the output shown."""
        if self.language != "console":
            return []
        return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", self.text, re.MULTILINE)


@dataclass
class Section:
    title: str
    text: str = ""
    blocks: list[Block] = field(default_factory=list)

    def commands(self) -> list[tuple[str, str]]:
        """The commands of the console blocks, each with the output shown."""
        return [command for block in self.blocks for command in block.commands()]

    def files(self) -> dict[str, str]:
        return {block.name: block.text for block in self.blocks if block.name is not None}


def sections(text: str) -> dict[str, Section]:
    found = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        section = Section(part.partition("\n")[0], part)
        end = 0
        for block in FENCED.finditer(part):
            prose = part[end : block.start()]
            named = re.search(r"`([\w./-]+)`:$", prose)
            section.blocks.append(Block(block[1], block[2], named and named[1], prose))
            end = block.end()
        found[section.title] = section
    return found
