"""The site as it is built: whole, at home on a disk, and readable for programs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from docs import build as docs
from tests.docs.pages import PAGES
from tests.kit.markdown import sections

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def copied(project: Path, folder: Path) -> Path:
    """What the site is built from, in a folder where it may be changed."""
    for name in ("docs", "examples"):
        shutil.copytree(project / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("zensical.toml", "CHANGELOG.md"):
        shutil.copy(project / name, folder)
    return folder


@pytest.fixture(scope="module")
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, built by the command, which has found nothing wrong."""
    folder = copied(project, tmp_path_factory.mktemp("site"))
    command = [sys.executable, "-m", "docs.build"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    return folder / "site"


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, site: Path) -> Iterator[Page]:
    """The first page, opened from disk. Whatever happens, nothing is asked from elsewhere and nothing fails."""
    context = browser.new_context(viewport=request.param, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if _is_elsewhere(request.url, site) else None)
    page.goto(f"file://{site}/index.html")
    yield page
    context.close()
    assert problems == []


def _is_elsewhere(url: str, site: Path) -> bool:
    return not url.startswith((f"file://{site}/", "data:"))


def test_every_page_is_in_the_navigation(project: Path) -> None:
    pages = [page for section in docs.navigation(project).values() for page in section.values()]
    assert sorted(pages) == sorted(PAGES)


def test_the_search_finds_a_page_from_disk(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("ignore-unverifiable-certificate")
    page.get_by_role("option").filter(has_text="The certificate of an https server").click()
    expect(page).to_have_url(re.compile(r"/handlers/url\.html\?h=[\w-]+#tls$"))
    expect(page.get_by_role("heading", name="TLS")).to_be_in_viewport()


def test_a_session_is_copied_without_prompts_and_output(page: Page) -> None:
    session = page.locator(".language-console", has_text="no/such/page")
    expect(session).to_contain_text("Not found")
    session.hover()
    session.get_by_role("button").click()
    assert page.evaluate("navigator.clipboard.readText()").splitlines() == [
        "curl http://127.0.0.1:5000/",
        "curl http://127.0.0.1:5000/api/hello/Ada",
        "curl http://127.0.0.1:5000/no/such/page",
    ]


def test_a_file_is_copied_as_it_is(page: Page) -> None:
    files = PAGES["index.md"]["Your first configuration"].files()
    block = page.locator(".language-python", has_text="def handler")
    block.hover()
    block.get_by_role("button").click()
    assert page.evaluate("navigator.clipboard.readText()") == files["hello.py"].strip()


def test_wrong_links_are_found(project: Path, tmp_path: Path) -> None:
    wrong = """
[x](cli.html#nosuch) [x](handlers/) ![x](pictures/none.png) <img src="https://example.com/x.png">
"""
    assert docs.build(small(project, tmp_path, wrong)) == [
        "index.html: cli.html#nosuch has no such anchor",
        "index.html: handlers/ leads nowhere",
        "index.html: https://example.com/x.png is fetched from elsewhere",
        "index.html: pictures/none.png leads nowhere",
    ]


def test_wrong_references_end_the_build(project: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        docs.build(small(project, tmp_path, "[x](nosuch.md) [x](cli.md#nosuch)"))
    assert "page does not exist" in error.value.output
    assert "anchor does not exist" in error.value.output


def small(project: Path, folder: Path, text: str) -> Path:
    """What a site of three pages is built from, by the settings of ours, with `text` on its first page."""
    settings = (project / "zensical.toml").read_text()
    nav = 'nav = [{ "First" = "index.md" }, { "Second" = "cli.md" }, { "Third" = "handlers/file.md" }]'
    (folder / "zensical.toml").write_text(re.sub(r"^nav = \[\n.*?^\]", nav, settings, flags=re.MULTILINE | re.DOTALL))
    shutil.copytree(project / "docs" / "site", folder / "docs" / "site")
    (folder / "docs" / "handlers").mkdir()
    for page, content in {"index.md": text, "cli.md": "", "handlers/file.md": ""}.items():
        (folder / "docs" / page).write_text(f"# A page\n\n{content}\n")
    return folder


def test_programs_find_every_page_with_a_line_about_it(project: Path, site: Path) -> None:
    title, summary, *parts = (site / "llms.txt").read_text().strip().split("\n\n")
    assert title == "# reserve"
    assert re.fullmatch(r"> \S.*", summary)
    assert re.fullmatch(r"- \[[^]]+\]\(index\.md\): .{20,}", parts[0])
    headings, lists = parts[1::2], [parts[0], *parts[2::2]]
    assert headings == [f"## {section}" for section in docs.navigation(project) if section]
    links = [re.fullmatch(r"- \[[^]]+\]\(([^)]+)\): .{20,}", line) for part in lists for line in part.splitlines()]
    assert sorted(link[1] for link in links if link) == sorted(PAGES)
    assert all(links)


def test_programs_can_read_a_page_as_it_was_written(site: Path) -> None:
    written = sections((site / "configuration.md").read_text())
    assert list(written) == list(PAGES["configuration.md"])
    assert "<!-- table" not in (site / "configuration.md").read_text()
    assert "## [0.1.0]" in (site / "changelog.md").read_text()
    assert (site / "configuration.md").read_text() in (site / "llms-full.txt").read_text()
