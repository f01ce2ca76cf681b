"""QR codes as a terminal shows them."""

from __future__ import annotations

import re

import zxingcpp

_CELL = re.compile(r"\x1b\[([\d;]*)m|(.)")  # a style, or a character
_BLOCKS = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}  # whether each half is drawn
_SCALE = 4  # pixels of a module


def read_qr_code(lines: list[str], dark_terminal: bool = True) -> str:
    """What a phone reads of these lines in a terminal, whose own colours count where the lines have none."""
    rows: list[list[bool]] = []  # whether each half of a character is light
    for line in lines:
        upper: list[bool] = []
        lower: list[bool] = []
        light, dark = dark_terminal, not dark_terminal  # of what is drawn, and of what is behind it
        for style, character in _CELL.findall(line):
            if character:
                for row, drawn in zip((upper, lower), _BLOCKS[character], strict=True):
                    row.append(light if drawn else dark)
            elif style == "0":
                light, dark = dark_terminal, not dark_terminal
            elif style == "38;5;231":
                light = True
            else:
                assert style == "48;5;16", style
                dark = False
        rows += [upper, lower]
    # The terminal around it: a reader needs the code's own margin.
    around = not dark_terminal
    width = len(rows[0]) + 4
    rows = [[around] * width, *([around] * 2 + row + [around] * 2 for row in rows), [around] * width]
    pixels = bytes(255 * light for row in rows for _ in range(_SCALE) for light in row for _ in range(_SCALE))
    image = memoryview(pixels).cast("B", (len(rows) * _SCALE, width * _SCALE))
    (code,) = zxingcpp.read_barcodes(image, try_invert=False)
    return code.text
