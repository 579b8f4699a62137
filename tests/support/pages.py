"""Reads an HTML page back: its elements, attributes and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "img", "input", "link", "meta", "wbr"}


@dataclass
class Element:
    """One element, with the text directly and indirectly in it."""

    tag: str
    attributes: dict[str, str]
    parts: list[str] = field(default_factory=list)
    """The text, in pieces: joining them one by one takes longer than making the page."""

    @property
    def text(self) -> str:
        return "".join(self.parts)


@dataclass
class Parsed(HTMLParser):
    """All elements of a page, in the order in which they begin."""

    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)

    def named(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def by_id(self, name: str) -> Element:
        (element,) = [e for e in self.elements if e.attributes.get("id") == name]
        return element


def parsed(content: bytes) -> Parsed:
    page = Parsed()
    page.feed(content.decode("utf-8"))
    page.close()
    return page
