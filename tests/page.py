"""A page as a reader without scripts sees it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from tests.portal_client import Portal


class Page(HTMLParser):
    """What a page is made of: its words, its elements, and every address in it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def said(self) -> str:
        return " ".join(self.words.split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def addresses(self) -> list[str]:
        found = [one.get(name) for _, one in self.elements for name in ("href", "src", "action", "poster", "srcset")]
        return [address for address in found if address]


def look(screens: Portal, path: str, user: str = "dora.ops", **more: Any) -> Page:
    """Return a page that its user may see."""
    answer = screens.get(path, user, **more)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)
