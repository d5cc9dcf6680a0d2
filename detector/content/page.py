"""HTML as rendered: the text that is seen, where its links lead, and what else stands there. No browser, one pass."""

import re
from html import unescape
from itertools import islice
from typing import Final, NamedTuple

from mypy_extensions import i64

from detector.content.sheet import LINE, Sheet
from detector.content.style import DEFAULT, Change, Style, applied, hiding_classes, of_class
from detector.content.tag import (
    CLOSES,
    COMMENT,
    IMAGE,
    LEADS,
    LEADS_AND_OPENS,
    NOTHING,
    ODD,
    OPENS,
    PAGE,
    Tag,
    meaning,
    remembered,
    understood,
)

MOST_TAGS: Final = 5120
SHORT: Final = 16  # characters of a tag: no link, and met before
MOST_TEXT: Final = 2200  # characters, of which 2000 are read further on; links are sought in the rest, too
MOST_LINKS: Final = 40
DEEPEST: Final = 20  # elements that one end tag can end

# An attribute may hold ">"; a lone quotation mark is taken as a character, as nothing else keeps the time linear.
_TAG = re.compile(r"[^<>\"']*+(?>(?:(?:\"[^\"<]*+\"|'[^'<]*+'|[\"'])[^<>\"']*+)*)")
_LINK_TAG = re.compile(r"<[aA](?:[rR][eE][aA])?\s([^<>]*+)")
_HREF = re.compile(r"href(?<![\w-]href)\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s>\"']++))")
_LINK = re.compile(r"(?<![\w-])(?:href|action)\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s>\"']++))", re.IGNORECASE)


class Anchor(NamedTuple):
    """A link as its author wrote it, and the text that the reader clicks on."""

    target: str
    shown: str


class Page(NamedTuple):
    """`hidden` counts characters that no reader sees."""

    text: str
    anchors: tuple[Anchor, ...]
    images: int
    form: bool
    hidden: int


class _Walk:
    """Where the pass stands: between two `<`, the open elements, and the style around each of them."""

    def __init__(self, source: str, classes: dict[str, tuple[Change, ...]], most_tags: int) -> None:
        self.source = source
        self.classes = classes
        self.most_tags = self.left = most_tags
        self.at: i64 = 0  # after a `<`
        self.end: i64 = _before("<", source, 0, len(source))
        self.tags: list[Tag] = [PAGE]
        self.styles: list[Style] = [DEFAULT]
        self.style: Style = DEFAULT
        self.sheet = Sheet()
        self.anchors: list[Anchor] = []
        self.target = ""
        self.shown: list[str] = []  # of the open link
        self.images = 0
        self.form = False
        self.length = 0
        self.hidden = 0

    def next(self) -> bool:
        """Whether there is another tag that may be read."""
        if self.left == 0 or self.end == len(self.source):
            return False
        self.left -= 1
        self.at = self.end + 1
        self.end = _before("<", self.source, self.at, len(self.source))
        return True

    def read(self) -> None:
        """Ends where there is enough text."""
        if self.end:
            self.text(0)
        while self.next():
            start = self.tag()
            if start < self.end:
                self.text(start)
                if self.length >= MOST_TEXT:
                    return

    def tag(self) -> i64:
        """Where the text begins that follows."""
        closed: i64 = _before(">", self.source, self.at, self.end)
        tag = self.source[self.at : closed]
        met = remembered(tag) if closed - self.at < SHORT else meaning(tag)
        self.apart(met.apart)
        if met.kind == CLOSES and self.tags[-1].name == met.name != "a":
            self.tags.pop()
            self.style = self.styles.pop()
        elif met.kind == OPENS:
            self.open(met, tag)
        elif met.kind == ODD:
            return self.odd(met)
        elif met.kind != NOTHING:
            self.element(met, tag)
        return closed + 1 if closed < self.end else closed

    def apart(self, between: str) -> None:
        if between:
            self.sheet.apart(between)
            if self.target:
                self.shown.append(f" {LINE} " if between == LINE else between)

    def text(self, start: i64) -> None:
        """What stands between `start` and the next tag."""
        text = self.source[start : self.end]
        bare = text.strip()
        if not bare:
            self.apart(" ")
        elif self.style.visible:
            text = text[: 8 * MOST_TEXT]
            self.sheet.write(text)
            if self.target:
                self.shown.append(text)
            if "\n" in bare:
                bare = " ".join(bare.split())
            # &#1087; is one character
            self.length += len(bare) - 5 * bare.count("&") if "&" in bare else len(bare)
        else:
            self.hidden += len(bare) - bare.count(" ")

    def open(self, met: Tag, tag: str) -> None:
        name, changes = met.name, met.changes
        while name in self.tags[-1].ended_by:
            self.close(self.tags[-1].name)
        self.tags.append(met)
        self.styles.append(self.style)
        if self.classes and "class" in tag:
            changes = of_class(tag, self.classes) + changes
        if changes:
            self.style = applied(changes, self.style)

    def close(self, name: str) -> None:
        if name == "a":
            self.close_link()
        if name not in [one.name for one in self.tags[-DEEPEST:]]:
            return
        # An end tag that was forgotten further in ends with its parent.
        while self.tags.pop().name != name:
            self.styles.pop()
        self.style = self.styles.pop()

    def element(self, met: Tag, tag: str) -> None:
        kind = met.kind
        if kind == CLOSES:
            self.close(met.name)
        elif kind == IMAGE:
            self.images += 1
        if kind in (LEADS, LEADS_AND_OPENS):
            self.link(met.name, tag)
        if kind in (OPENS, LEADS_AND_OPENS):
            self.open(met, tag)

    def odd(self, met: Tag) -> i64:
        """Where the text begins that follows."""
        if not met.name:
            return self.at - 1
        if met.name == "?":
            return self.unclear()
        return self.after_comment() if met.name == COMMENT else self.after_silence(f"/{met.name}")

    def unclear(self) -> i64:
        found = _TAG.match(self.source, self.at, self.end)
        closed: i64 = found.end() if found else self.end
        tag = self.source[self.at : closed]
        met = understood(tag)
        self.apart(met.apart)
        self.element(met, tag)
        return closed + 1 if closed < self.end and self.source[closed] == ">" else closed

    def after_comment(self) -> i64:
        start: i64 = self.at + 1  # <!--> is a whole one (HTML Living Standard, section 13.2.5.43)
        while (found := self.source.find("-->", start, self.end)) < 0:
            if not self.next():
                return self.end
            start = self.at
        return found + 3

    def after_silence(self, end_tag: str) -> i64:
        while self.next():
            if self.source[self.at : self.at + len(end_tag)].lower() == end_tag:
                closed = _before(">", self.source, self.at, self.end)
                return closed + 1 if closed < self.end else closed
        return self.end

    def links_only(self) -> None:
        """The rest of a long page."""
        self.close_link()
        for found in islice(_LINK_TAG.finditer(self.source, self.end), self.most_tags):
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
            self.shown = []

    def close_link(self) -> None:
        if self.target and len(self.anchors) < MOST_LINKS:
            shown = "".join(self.shown)[:200].replace("\0", "")
            self.anchors.append(Anchor(unescape(self.target[:2000]).strip(), " ".join(unescape(shown).split())))
        self.target = ""


def rendered(source: str, most_tags: int = MOST_TAGS) -> Page:
    """What is seen of a page: no comments, scripts, styles, hidden elements, text without size or in its own ground.

    Of a page with more tags than `most_tags` the rest is looked through for links, as many times again.

    >>> page = rendered('<p>Dear <b>A</b>nn<i style="font-size:0">zebra</i>, <a href="http://a.example/x">b.example</a>')
    >>> page.text, page.hidden, page.anchors
    ('Dear Ann, b.example', 5, (Anchor(target='http://a.example/x', shown='b.example'),))
    """
    walk = _Walk(source, hiding_classes(source), most_tags)
    walk.read()
    walk.links_only()
    return Page(walk.sheet.text(), tuple(walk.anchors), walk.images, walk.form, walk.hidden)


def _before(mark: str, text: str, start: i64, end: i64) -> i64:
    """Where the mark stands, or the end."""
    found: i64 = text.find(mark, start, end)
    return end if found < 0 else found
