from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from reserve_core.config.positions import Duplicate, Path, locate

TEXT = """{
  "port": 5000, "nested": {
    "a\\u0062": [1,
      {"x": "{[,:\\"", "y": []}, [[2],
      3]]
  },

  "last": null}"""


def test_every_value_has_its_line() -> None:
    lines, duplicates = locate(TEXT)
    assert duplicates == []
    assert lines == {
        (): 1,
        ("port",): 2,
        ("nested",): 2,
        ("nested", "ab"): 3,
        ("nested", "ab", 0): 3,
        ("nested", "ab", 1): 4,
        ("nested", "ab", 1, "x"): 4,
        ("nested", "ab", 1, "y"): 4,
        ("nested", "ab", 2): 4,
        ("nested", "ab", 2, 0): 4,
        ("nested", "ab", 2, 0, 0): 4,
        ("nested", "ab", 2, 1): 5,
        ("last",): 8,
    }


def test_a_duplicate_is_found_only_where_it_is() -> None:
    text = '{"a": {"x": 1},\n "b": [{"x": 1, "x": 2}],\n "a": {"x": 1}}'
    assert locate(text)[1] == [Duplicate(("b", 0, "x"), 2, 2), Duplicate(("a",), 3, 1)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def paths(value: Any, path: Path = ()) -> set[Path]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(paths(member, (*path, name)) for name, member in members))


@pytest.mark.no_cover
@given(JSON, st.sampled_from([None, 0, 2]))
def test_all_values_of_any_text_are_found(value: Any, indent: int | None) -> None:
    lines, duplicates = locate(json.dumps(value, indent=indent))
    assert set(lines) == paths(value)
    assert duplicates == []
