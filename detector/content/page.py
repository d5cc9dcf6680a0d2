"""HTML as rendered: the text that is seen, where its links lead, and what else stands there. No browser, one pass."""

import re
from dataclasses import dataclass, field
from html import unescape

from detector.content.style import DEFAULT, Style, hidden_classes, styled

MOST_TAGS = 5000
MOST_TEXT = 4000  # characters; links are sought in the rest, too
MOST_SOURCE = 262_144  # characters
MOST_LINKS = 100

_SILENT = {
    name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "title", "template", "noframes")
}
# An attribute may hold ">"; a lone quotation mark is taken as a character, as nothing else keeps the time linear.
_TAG = re.compile(
    r"<(/?)([a-zA-Z][a-zA-Z0-9:]*+)([^<>\"']*+(?:(?:\"[^\"<]*+\"|'[^'<]*+'|[\"'])[^<>\"']*+)*+)>?|<!--|<[!?/][^<>]*+>?"
)
_LINK_TAG = re.compile(r"<a(?:rea)?\s[^<>]*+>?", re.IGNORECASE)
_LINK = re.compile(r"(?<![\w-])(?:href|action)\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s>\"']++))", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\xa0]{2,}+|\xa0")
_LINES = re.compile(r"\s*\n\s*")

_LINE = "\n"
_APART = {
    **dict.fromkeys(
        [
            "p",
            "br",
            "div",
            "tr",
            "table",
            "ul",
            "ol",
            "li",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "blockquote",
            "center",
            "section",
            "article",
            "pre",
        ],
        _LINE,
    ),
    **dict.fromkeys(["td", "th", "img", "option", "input"], " "),
}
_LINKING = frozenset({"a", "area", "form"})
_EMPTY = frozenset(["br", "img", "hr", "input", "meta", "link", "area", "base", "col", "source", "wbr"])
_ENDED_BY_THE_NEXT = frozenset(["p", "li", "td", "th", "tr", "option"])


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link as its author wrote it, and the text that the reader clicks on."""

    target: str
    shown: str


@dataclass(frozen=True, slots=True)
class Page:
    """`hidden` counts characters that no reader sees."""

    text: str
    anchors: tuple[Anchor, ...]
    images: int
    form: bool
    hidden: int


@dataclass(slots=True)
class _Element:
    name: str
    style: Style
    nested: int = 0


@dataclass(slots=True)
class _Walk:
    """Where the pass stands. Only elements that change the style are on the stack."""

    classes: frozenset[str]
    stack: list[_Element] = field(default_factory=list)
    style: Style = DEFAULT
    pieces: list[str] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    target: str = ""
    since: int = 0
    images: int = 0
    form: bool = False
    length: int = 0
    hidden: int = 0

    def tag(self, tag: re.Match[str]) -> int:
        """Where to go on."""
        closing, name, attributes = tag.groups()
        if name is None:
            if tag[0] != "<!--":
                return tag.end()
            end = tag.string.find("-->", tag.end())
            return end + 3 if end >= 0 else len(tag.string)
        name = name.lower()
        if closing:
            self.end(name)
        elif name in _SILENT:
            end_tag = _SILENT[name].search(tag.string, tag.end())
            return end_tag.start() if end_tag else len(tag.string)
        else:
            self.start(name, attributes)
        return tag.end()

    def text(self, text: str) -> None:
        if not text or text.isspace():
            self.pieces.append(text[:1])
        elif not self.style.visible:
            self.hidden += len(text) - text.count(" ")
        else:
            self.pieces.append(text)
            self.length += len(text)

    def start(self, name: str, attributes: str) -> None:
        if name in _APART:
            self.pieces.append(_APART[name])
        if name in _LINKING:
            self._link(name, attributes)
        elif name == "img":
            self.images += 1
        if self.stack and self.stack[-1].name == name and name not in _EMPTY:
            if name in _ENDED_BY_THE_NEXT:
                self._pop()
            else:
                self.stack[-1].nested += 1
        if attributes and name not in _EMPTY:
            style = styled(attributes, self.style, self.classes)
            if style is not self.style and style != self.style:
                self.stack.append(_Element(name, self.style))
                self.style = style

    def end(self, name: str) -> None:
        if name in _APART:
            self.pieces.append(_APART[name])
        if name == "a":
            self._close_link()
        if not self.stack:
            return
        # An end tag that was forgotten further in ends with its parent.
        for depth in range(len(self.stack) - 1, max(-1, len(self.stack) - 20), -1):
            element = self.stack[depth]
            if element.name == name:
                del self.stack[depth + 1 :]
                if element.nested:
                    element.nested -= 1
                else:
                    self._pop()
                return

    def links_only(self, source: str) -> None:
        """The rest of a long page."""
        self._close_link()
        for tag in _LINK_TAG.findall(source[:MOST_SOURCE])[:MOST_LINKS]:
            self._link("a", tag)
        self._close_link()

    def _pop(self) -> None:
        self.style = self.stack.pop().style

    def _link(self, name: str, attributes: str) -> None:
        self._close_link()
        self.form = self.form or name == "form"
        found = _LINK.search(attributes)
        if found:
            self.target = found[1] or found[2] or found[3] or ""
            self.since = len(self.pieces)

    def _close_link(self) -> None:
        if self.target and len(self.anchors) < MOST_LINKS:
            shown = unescape("".join(self.pieces[self.since :])[:200]).strip()
            self.anchors.append(Anchor(unescape(self.target[:2000]).strip(), shown))
        self.target = ""


def rendered(source: str) -> Page:
    """What is seen of a page: no comments, scripts, styles, hidden elements, text without size or in its own ground.

    >>> page = rendered('<p>Dear <b>A</b>nn<i style="font-size:0">zebra</i>, <a href="http://a.example/x">b.example</a>')
    >>> page.text, page.hidden, page.anchors
    ('Dear Ann, b.example', 5, (Anchor(target='http://a.example/x', shown='b.example'),))
    """
    classes = hidden_classes(source) if "<style" in source or "<STYLE" in source else frozenset[str]()
    source = source.replace("\r", "").replace("\n", " ")
    walk = _Walk(classes)
    at = 0
    for _ in range(MOST_TAGS):
        tag = _TAG.search(source, at)
        end = tag.start() if tag else min(len(source), at + MOST_TEXT)
        walk.text(source[at:end])
        at = end
        if tag is None or walk.length >= MOST_TEXT:
            break
        at = walk.tag(tag)
    walk.links_only(source[at:])
    text = _LINES.sub("\n", _BLANKS.sub(" ", unescape("".join(walk.pieces)))).strip()
    return Page(text, tuple(walk.anchors), walk.images, walk.form, walk.hidden)
