"""A configuration of REserve's: accepted where that is harmless, else told what to write."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reserve_core import ConfigError, check, load_plugins
from reserve_core.config import migration
from reserve_core.config.pattern import compile_match
from reserve_core.mock import mock

pytestmark = pytest.mark.usefixtures("folder")


async def told(settings: dict[str, Any]) -> list[tuple[str, str | None]]:
    try:
        await check({"mappings": [], **settings}, load_plugins())
    except ConfigError as error:
        return [(problem.message, problem.hint) for problem in error.problems]
    return []


HARMLESS = [
    ({**({name: value} if not prefix else {}), "mappings": [{prefix: "./x", name: value}] if prefix else []})
    for prefix, properties in {"": migration.SETTINGS, **migration.PROPERTIES}.items()
    for name, former in properties.items()
    for value in former.harmless
]


@pytest.mark.parametrize("settings", HARMLESS, ids=str)
async def test_what_changes_nothing_is_accepted(settings: dict[str, Any]) -> None:
    assert await told(settings) == []


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"http2": True}, '"http2": true is known to REserve only', "put a proxy in front"),
        ({"httpOptions": {"maxHeaderSize": 1}}, '"httpOptions": {"maxHeaderSize": 1} is known to REserve', '"limits"'),
        (
            {"mappings": [{"file": "./x", "http-status": 404}]},
            '"http-status": 404 is known to',
            "sets response.status",
        ),
        ({"mappings": [{"file": "./x", "case-sensitive": False}]}, '"case-sensitive": false is', "as on the disk"),
        ({"mappings": [{"file": "./x", "ignore-if-not-found": False}]}, '"ignore-if-not-found"', '{"status": 404}'),
        ({"mappings": [{"custom": "./api.js"}]}, '"./api.js" is JavaScript', '"./api.py"'),
        ({"mappings": [{"custom": "api.js"}]}, '"api.js" is JavaScript', '"api.py"'),
        ({"mappings": [{"status": 200, "if-match": "./a.mjs:b"}]}, '"./a.mjs:b" is JavaScript', '"./a.py"'),
        ({"listeners": ["./log.cjs"]}, '"./log.cjs" is JavaScript', '"./log.py"'),
        ({"handlers": {"cgi": "reserve-cgi"}}, '"reserve-cgi" is a package of REserve for Node.js', "new-plugin"),
        ({"handlers": {"sse": "reserve/serverevents"}}, '"reserve/serverevents" is a package of REserve', "in Python"),
        ({"mappings": [{"use": "express-session"}]}, '"express-session" is middleware of Node.js', "starlette"),
        ({"mappings": [{"use": "cors"}]}, '"cors" is middleware of Node.js', "CORSMiddleware"),
        ({"mappings": [{"use": "helmet"}]}, '"helmet" is middleware of Node.js', "starlette"),
        ({"mappings": [{"match": r"^/\p{L}", "status": 200}]}, "bad escape", r"no \p{...}"),
        ({"mappings": [{"match": r"^/(?<=a+)b", "status": 200}]}, "look-behind requires", "write one for each"),
        ({"mappings": [{"match": r"^/\u{41}", "status": 200}]}, "incomplete escape", r"no \u{...}"),
        ({"mappings": [{"match": "*.png", "status": 200}]}, "nothing to repeat", ".* is anything"),
    ],
    ids=str,
)
async def test_what_to_write_instead(settings: dict[str, Any], message: str, hint: str) -> None:
    ((said, mend),) = await told(settings)
    assert message in said
    assert hint in str(mend)


async def test_its_mistakes_are_reported_beside_others() -> None:
    mapping = {"file": "./x", "strict": True, "mime-type": {}, "http-status": 4}
    messages = [message for message, _ in await told({"mappings": [mapping]})]
    assert messages == ['Unknown property "mime-type"', '"http-status": 4 is known to REserve only']


@pytest.mark.parametrize(
    ("match", "url"),
    [("^/a([^]*)$", "/a\nb"), ("^/[^]/x", None), ("^/([^]+?)", "/]"), ("^/[^]]$", "/a"), ("[^]{2}", "/]")],
)
def test_any_character_as_javascript_says_it(match: str, url: str | None) -> None:
    if url is None:  # a class of Python's without an end
        with pytest.raises(ConfigError, match=re.escape("unterminated character set at character 3")):
            compile_match(match)
    else:
        assert compile_match(match).search(url)


async def test_the_status_of_a_fixed_answer_has_the_name_it_had() -> None:
    async with await mock({"mappings": [{"custom": ["made", {"statusCode": 201}]}]}) as site:
        assert (await site.request("GET", "/")).status == 201
