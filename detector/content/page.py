"""HTML as rendered: the text that is seen, where its links lead, and what else stands there. No browser, one pass."""

import re
from html import unescape
from itertools import islice
from typing import NamedTuple

from detector.content.style import DEFAULT, Change, Style, applied, hiding_classes, of_class
from detector.content.tag import (
    CLOSES,
    ENDED_BY,
    IMAGE,
    LEADS,
    LEADS_AND_OPENS,
    ODD,
    OPENS,
    SILENT,
    Tag,
    meaning,
    remembered,
    understood,
)

MOST_TAGS = 5120
AT_ONCE = 256  # tags that are cut apart before it is known whether they will be read
SHORT = 16  # characters of a tag: no link, and met before
MOST_TEXT = 2200  # characters, of which 2000 are read further on; links are sought in the rest, too
MOST_LINKS = 40
DEEPEST = 20  # elements that one end tag can end

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
    """Where the pass stands: the names of the open elements, and the style around each of them."""

    def __init__(self, rest: str, classes: dict[str, tuple[Change, ...]], most_tags: int) -> None:
        self.rest = rest
        self.classes = classes
        self.most_tags = most_tags
        self.batches = most_tags // AT_ONCE
        self.batch: list[str] = []
        self.at = 0  # of the batch
        self.names: list[str] = [""]
        self.styles: list[Style] = [DEFAULT]
        self.style: Style = DEFAULT
        self.pieces: list[str] = []
        self.anchors: list[Anchor] = []
        self.target = ""
        self.since = 0
        self.images = 0
        self.form = False
        self.length = 0
        self.hidden = 0

    def part(self) -> str | None:
        """What stands between two `<`, a tag and the text after it; None at the end."""
        if self.at == len(self.batch) and not self.cut():
            return None
        self.at += 1
        return self.batch[self.at - 1]

    def cut(self) -> bool:
        """Whether there are more parts."""
        if self.batches == 0 or (self.batch and not self.rest):
            return False
        self.batches -= 1
        batch = self.rest.split("<", AT_ONCE)
        self.rest = batch.pop() if len(batch) > AT_ONCE else ""
        self.batch, self.at = batch, 0
        return True

    def read(self) -> None:
        """Ends where there is enough text."""
        names, pieces = self.names, self.pieces
        while (part := self.part()) is not None:
            tag, _, text = part.partition(">")
            what = remembered(tag) if len(tag) < SHORT else meaning(tag)
            name, kind, apart, changes = what
            pieces.append(apart)
            if kind == CLOSES and names[-1] == name != "a":
                names.pop()
                self.style = self.styles.pop()
            elif kind == OPENS:
                self.open(name, changes, tag)
            else:
                text = self.other(what, part)
            if text:
                self.text(text)
                if self.length >= MOST_TEXT:
                    return

    def text(self, text: str) -> None:
        bare = text.strip()
        if not bare:
            self.pieces.append(" ")
        elif self.style.visible:
            self.pieces.append(text[: 8 * MOST_TEXT])
            if "\n" in bare:
                bare = " ".join(bare.split())
            # &#1087; is one character
            self.length += len(bare) - 5 * bare.count("&") if "&" in bare else len(bare)
        else:
            self.hidden += len(bare) - bare.count(" ")

    def open(self, name: str, changes: tuple[Change, ...], tag: str) -> None:
        while (ended := ENDED_BY.get(self.names[-1])) and name in ended:
            self.close(self.names[-1])
        self.names.append(name)
        self.styles.append(self.style)
        if self.classes and "class" in tag:
            changes = of_class(tag, self.classes) + changes
        if changes:
            self.style = applied(changes, self.style)

    def close(self, name: str) -> None:
        if name == "a":
            self.close_link()
        if name not in self.names[-DEEPEST:]:
            return
        # An end tag that was forgotten further in ends with its parent.
        while self.names.pop() != name:
            self.styles.pop()
        self.style = self.styles.pop()

    def other(self, what: Tag, part: str) -> str:
        """The text that follows."""
        if what.kind == ODD:
            return self.odd(what.name, part)
        tag, _, text = part.partition(">")
        self.element(what, tag)
        return text

    def element(self, what: Tag, tag: str) -> None:
        name, kind, _, changes = what
        if kind == CLOSES:
            self.close(name)
        elif kind == IMAGE:
            self.images += 1
        if kind in (LEADS, LEADS_AND_OPENS):
            self.link(name, tag)
        if kind in (OPENS, LEADS_AND_OPENS):
            self.open(name, changes, tag)

    def odd(self, name: str, part: str) -> str:
        if name == "!--":
            part = part[1:]  # <!--> is a whole one (HTML Living Standard, section 13.2.5.43)
            while "-->" not in part:
                later = self.part()
                part = "-->" if later is None else later
            return part.partition("-->")[2]
        if name in SILENT:
            end = f"/{name}"
            while (later := self.part()) is not None:
                if later[: len(end)].lower() == end:
                    return later.partition(">")[2]
            return ""
        if not name:
            return f"<{part}"
        tag = found[0] if (found := _TAG.match(part)) else part
        what = understood(tag)
        self.pieces.append(what.apart)
        self.element(what, tag)
        return part[len(tag) :].removeprefix(">")

    def links_only(self) -> None:
        """The rest of a long page."""
        self.close_link()
        for found in islice(_LINK_TAG.finditer("<".join(["", *self.batch[self.at :], self.rest])), self.most_tags):
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


def rendered(source: str, most_tags: int = MOST_TAGS) -> Page:
    """What is seen of a page: no comments, scripts, styles, hidden elements, text without size or in its own ground.

    Of a page with more tags than `most_tags` the rest is looked through for links, as many times again.

    >>> page = rendered('<p>Dear <b>A</b>nn<i style="font-size:0">zebra</i>, <a href="http://a.example/x">b.example</a>')
    >>> page.text, page.hidden, page.anchors
    ('Dear Ann, b.example', 5, (Anchor(target='http://a.example/x', shown='b.example'),))
    """
    before, tag, rest = source.partition("<")
    walk = _Walk(rest, hiding_classes(source), most_tags)
    walk.text(before)
    if tag:
        walk.read()
    walk.links_only()
    text = unescape("".join(walk.pieces).replace("&nbsp;", " "))
    lines = [line.strip(" ") for line in " ".join(text.split()).split("\0")]
    text = "\n".join([line for line in lines if line])
    return Page(text, tuple(walk.anchors), walk.images, walk.form, walk.hidden)
