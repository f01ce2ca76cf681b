"""What is sent as one script does what the modules do."""

from __future__ import annotations

import os
import re
from pathlib import Path

import reserve_mirror
from reserve_mirror.page_script import page_script
from tests.kit import node

STATIC = Path(reserve_mirror.__file__).parent / "static"
MODULES = {
    "main.js": """
import { Names, greeting } from "./views/names.js";
import { log, twice } from "./log.js";

const h = "of main";
log(h, greeting(), await0(), new Names().all, typeof exported);
function await0() {
  return [...twice(2)];
}
""",
    "log.js": """
/** Not to be seen: `export const x`. */
export const log = (...values) => console.log(JSON.stringify(values));
export function* twice(n) {
  yield n;
  yield n;
}
log("log");
""",
    "views/names.js": """
import { log } from "../log.js";

const h = "of names"; // a name of its own
export class Names {
  all = [h, this instanceof Names];
}
export async function exported() {}
export function greeting() {
  return `${h}, ${typeof exported}`;
}
log("names");
""",
}


def test_it_does_what_its_modules_do(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text.removeprefix("\n"))
    (tmp_path / "joined.mjs").write_bytes(page_script(tmp_path / "main.js"))
    as_modules, joined = (node.run("node", tmp_path / name) for name in ("main.js", "joined.mjs"))
    assert (joined.returncode, joined.stdout) == (0, as_modules.stdout), joined.stderr
    assert joined.stdout.splitlines()[:2] == ['["log"]', '["names"]']


def test_a_change_is_seen(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text('import { a } from "./a.js";\n')
    for value in (1, 2):
        (tmp_path / "a.js").write_text(f"export const a = {value};\n")
        os.utime(tmp_path / "a.js", (value, value))
        assert f"const a = {value};".encode() in page_script(tmp_path / "main.js")


def test_a_page_has_all_that_is_imported_once() -> None:
    script = page_script(STATIC / "mirror.js").decode()
    given = re.findall(r'^modules\["(\S+)"\] = ', script, re.MULTILINE)
    assert sorted(given) == sorted(
        path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js") if path.name != "home.js"
    )


def test_every_module_keeps_to_the_forms_that_are_known() -> None:
    for page in ("mirror.js", "home.js"):
        script = page_script(STATIC / page).decode()
        assert re.findall(r"^\s*(?:import|export)\b.*|await import\(.*", script, re.MULTILINE) == []
