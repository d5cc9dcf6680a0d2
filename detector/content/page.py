"""HTML as rendered: the text that is seen, where its links lead, and what else stands there. No browser, one pass."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from typing import NamedTuple

from detector.content.style import DEFAULT, Change, Style, applied, changes_of, hiding_classes, of_class

MOST_TAGS = 5120
AT_ONCE = 256  # tags that are cut apart before it is known whether they will be read
MOST_TEXT = 3000  # characters: what is read further on has its limits below; links are sought in the rest, too
MOST_LINKS = 40
DEEPEST = 20  # elements that one end tag can end
LONGEST_REMEMBERED = 400  # characters of a tag

# An attribute may hold ">"; a lone quotation mark is taken as a character, as nothing else keeps the time linear.
_TAG = re.compile(r"[^<>\"']*+(?:(?:\"[^\"<]*+\"|'[^'<]*+'|[\"'])[^<>\"']*+)*+")
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:]*+)")
_URL = re.compile(r"(?:https?|cid):[^\s\"'<>)]*+")
_LINK_TAG = re.compile(r"<[aA](?:[rR][eE][aA])?\s([^<>]*+)")
_HREF = re.compile(r"href(?<![\w-]href)\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s>\"']++))")
_LINK = re.compile(r"(?<![\w-])(?:href|action)\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s>\"']++))", re.IGNORECASE)
_LINE_ENDS = re.compile("\0[\0 ]*+")

_LINE = " \0 "  # until all other blanks are one blank
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_BLOCKS = frozenset(["p", "div", "ul", "ol", "hr", "blockquote", "center", "section", "article", "pre", *_HEADINGS])
_APART = {
    **dict.fromkeys([*_BLOCKS, "br", "table", "tr", "li"], _LINE),
    **dict.fromkeys(["td", "th", "img", "option", "input"], " "),
}
_SILENT = frozenset(["script", "style", "title", "template", "noframes"])
_LINKING = frozenset(["a", "area", "form"])
_EMPTY = frozenset(["br", "img", "hr", "input", "meta", "link", "area", "base", "col", "source", "wbr"])
_CELLS = frozenset(["td", "th", "tr"])
# HTML Living Standard, section 13.1.2.4: elements that end without an end tag. Else what follows a hidden <p> would
# be hidden for us only. (What a table does to a paragraph depends on the mode of the browser.)
_ENDED_BY = {
    "p": _BLOCKS,
    "li": frozenset(["li"]),
    "td": _CELLS,
    "th": _CELLS,
    "tr": frozenset(["tr"]),
    "option": frozenset(["option"]),
}
_NEVER_ENDED = frozenset(["html", "body"])  # section 13.2.6.4.19: what follows their end tags is inside them
_NEVER: frozenset[str] = frozenset()


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


_OPENS, _CLOSES, _EMPTIES, _ODD = range(4)


class _Tag(NamedTuple):
    """What a tag means on any page. After an odd one there is more, or something else, than text."""

    name: str
    kind: int
    apart: str = ""
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class _Walk:
    """Where the pass stands: the names of the open elements, and the style around each of them."""

    rest: str
    classes: dict[str, tuple[Change, ...]]
    batch: Iterator[str] = field(default_factory=lambda: iter(()))
    names: list[str] = field(default_factory=list)
    styles: list[Style] = field(default_factory=list)
    style: Style = DEFAULT
    visible: bool = True
    pieces: list[str] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    target: str = ""
    since: int = 0
    images: int = 0
    form: bool = False
    length: int = 0
    hidden: int = 0

    def parts(self) -> Iterator[str]:
        """What stands between two `<`: a tag, and the text after it."""
        for _ in range(MOST_TAGS // AT_ONCE):
            *parts, self.rest = self.rest.split("<", AT_ONCE)
            if len(parts) < AT_ONCE:
                parts.append(self.rest)
                self.rest = ""
            self.batch = iter(parts)
            yield from self.batch
            if not self.rest:
                return

    def read(self) -> None:
        """Ends where there is enough text."""
        parts = self.parts()
        for part in parts:
            tag, _, text = part.partition(">")
            meaning = _meaning(tag)
            if meaning.kind is _ODD:
                text = self.odd(meaning.name, part, parts)
            else:
                self.tag(meaning, tag)
            if text:
                self.text(text)
                if self.length >= MOST_TEXT:
                    return

    def text(self, text: str) -> None:
        bare = text.strip()
        if not bare:
            self.pieces.append(" ")
        elif self.visible:
            self.pieces.append(text[: 8 * MOST_TEXT])
            # &#1087; is one character
            self.length += len(bare) - 5 * bare.count("&") if "&" in bare else len(bare)
        else:
            self.hidden += len(bare) - bare.count(" ")

    def tag(self, meaning: _Tag, tag: str) -> None:
        name, kind, apart, changes = meaning
        if apart:
            self.pieces.append(apart)
        if kind is _CLOSES:
            self.close(name)
            return
        if name in _LINKING:
            self.link(name, tag)
        if kind is _OPENS:
            if self.classes and "class" in tag:
                changes = of_class(tag, self.classes) + changes
            self.open(name, changes)
        elif name == "img":
            self.images += 1

    def open(self, name: str, changes: tuple[Change, ...]) -> None:
        if self.names and name in _ENDED_BY.get(self.names[-1], _NEVER):
            self.close(self.names[-1])
        self.names.append(name)
        self.styles.append(self.style)
        if changes:
            self.restyle(applied(changes, self.style))

    def close(self, name: str) -> None:
        if name == "a":
            self.close_link()
        if name not in self.names[-DEEPEST:]:
            return
        # An end tag that was forgotten further in ends with its parent.
        while self.names.pop() != name:
            self.styles.pop()
        self.restyle(self.styles.pop())

    def restyle(self, style: Style) -> None:
        self.style = style
        self.visible = style.visible

    def odd(self, name: str, part: str, parts: Iterator[str]) -> str:
        """The text that follows."""
        if name == "!--":
            part = part[1:]  # <!--> is a whole one (HTML Living Standard, section 13.2.5.43)
            while "-->" not in part:
                part = next(parts, "-->")
            return part.partition("-->")[2]
        if name in _SILENT:
            ends = (part for part in parts if part[: len(name) + 1].lower() == f"/{name}")
            return next(ends, "").partition(">")[2]
        if not name:
            return f"<{part}"
        tag = found[0] if (found := _TAG.match(part)) else part
        self.tag(_understood(tag), tag)
        return part[len(tag) :].removeprefix(">")

    def links_only(self) -> None:
        """The rest of a long page."""
        self.close_link()
        for found in _LINK_TAG.finditer("<".join(["", *self.batch, self.rest])):
            if len(self.anchors) >= MOST_LINKS:
                return
            self.link("a", found[1])
            self.close_link()

    def link(self, name: str, tag: str) -> None:
        self.close_link()
        self.form = self.form or name == "form"
        found = _HREF.search(tag) or _LINK.search(tag)
        if found:
            self.target = found[1] or found[2] or found[3] or ""
            self.since = len(self.pieces)

    def close_link(self) -> None:
        if self.target and len(self.anchors) < MOST_LINKS:
            shown = "".join(self.pieces[self.since :])[:200].replace("\0", "")
            self.anchors.append(Anchor(unescape(self.target[:2000]).strip(), " ".join(unescape(shown).split())))
        self.target = ""


def rendered(source: str) -> Page:
    """What is seen of a page: no comments, scripts, styles, hidden elements, text without size or in its own ground.

    >>> page = rendered('<p>Dear <b>A</b>nn<i style="font-size:0">zebra</i>, <a href="http://a.example/x">b.example</a>')
    >>> page.text, page.hidden, page.anchors
    ('Dear Ann, b.example', 5, (Anchor(target='http://a.example/x', shown='b.example'),))
    """
    before, tag, rest = source.partition("<")
    walk = _Walk(rest, hiding_classes(source))
    walk.text(before)
    if tag:
        walk.read()
    walk.links_only()
    text = unescape("".join(walk.pieces).replace("&nbsp;", " "))
    text = _LINE_ENDS.sub("\n", " ".join(text.split()).replace(" \0", "\0")).strip()
    return Page(text, tuple(walk.anchors), walk.images, walk.form, walk.hidden)


def _meaning(tag: str) -> _Tag:
    """Cheap for what was met before, on this page or another."""
    if "http" in tag or "cid:" in tag:  # each a different one
        tag = _URL.sub("", tag)
    return _remembered(tag) if len(tag) <= LONGEST_REMEMBERED else _first_met(tag)


def _first_met(tag: str) -> _Tag:
    found = _NAME.match(tag)
    if found is None:
        if tag.startswith("!--"):
            return _Tag("!--", _ODD)
        return _Tag("", _EMPTIES if tag.startswith(("!", "?", "/")) else _ODD)
    if (name := found[1].lower()) in _SILENT and tag[0] != "/":
        return _Tag(name, _ODD)
    if tag.count('"') % 2 or tag.count("'") % 2:
        return _Tag("?", _ODD)
    return _understood(tag)


_remembered = lru_cache(maxsize=2048)(_first_met)


def _understood(tag: str) -> _Tag:
    found = _NAME.match(tag)
    name = found[1].lower() if found else ""
    if tag[0] == "/":
        if name in _NEVER_ENDED:
            return _Tag(name, _EMPTIES)
        return _Tag(name, _CLOSES, _APART.get(name, ""))
    if name in _EMPTY:
        return _Tag(name, _EMPTIES, _APART.get(name, ""))
    return _Tag(name, _OPENS, _APART.get(name, ""), changes_of(tag))
