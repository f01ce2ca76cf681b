"""What a handler would do with a request: what its hook `explain` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .steps import Outcome


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a handler would do with a request, for the hook `explain`; made by one of its class methods.

    `text` says it in a few words: "./pages/books/1 doesn't exist".
    """

    outcome: Outcome
    text: str
    status: int | None = None
    redirect: str | None = None

    @classmethod
    def responds(cls, text: str, status: int | None = None) -> Prediction:
        """The handler responds, with `status` where that is known."""
        return cls("responds", text, status)

    @classmethod
    def passes(cls, text: str) -> Prediction:
        """The handler leaves the request to the next mapping."""
        return cls("passes", text)

    @classmethod
    def redirects(cls, redirect: str, text: str = "") -> Prediction:
        """The handler has the request begin anew with the URL `redirect`; the text says so where there is none."""
        return cls("redirects", text or f"to {redirect}", redirect=redirect)

    @classmethod
    def undecided(cls, text: str, redirect: str | None = None) -> Prediction:
        """Only running the handler would tell; `redirect` is a URL that it may have the request begin anew with."""
        return cls("undecided", text, redirect=redirect)
