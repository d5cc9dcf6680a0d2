"""What an HTML tag means to who reads: does it set apart, open or close an element, lead somewhere, hide something."""

import re
from typing import Final, final

from detector.content.sheet import LINE
from detector.content.style import Change, changes_of

LONGEST_REMEMBERED: Final = 400  # characters of a tag
MOST_REMEMBERED: Final = 2048

_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:]*+)")
_URL = re.compile(r"https?:[^\s\"'<>)]*+")

_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_BLOCKS = frozenset(["p", "div", "ul", "ol", "hr", "blockquote", "center", "section", "article", "pre", *_HEADINGS])
_CELLS = frozenset(["td", "th", "tr"])
_APART: Final = {
    **dict.fromkeys([*_BLOCKS, "br", "table", "tr", "li"], LINE),
    **dict.fromkeys(["td", "th", "img", "option", "input"], " "),
}
COMMENT: Final = "!--"
SILENT: Final = frozenset(["script", "style", "title", "template", "noframes"])
_EMPTY: Final = frozenset(["br", "hr", "input", "meta", "link", "base", "col", "source", "wbr"])
# HTML Living Standard, section 13.2.6.4.19: what follows their end tags is inside them.
_NEVER_ENDED: Final = frozenset(["html", "body"])
# Section 13.1.2.4: elements that end without an end tag. Else what follows a hidden <p> would be hidden for us only.
# (What a table does to a paragraph depends on the mode of the browser.)
ENDED_BY: Final = {
    "p": _BLOCKS,
    "li": frozenset(["li"]),
    "td": _CELLS,
    "th": _CELLS,
    "tr": frozenset(["tr"]),
    "option": frozenset(["option"]),
}

OPENS: Final = 0
CLOSES: Final = 1
NOTHING: Final = 2
IMAGE: Final = 3
LEADS: Final = 4
LEADS_AND_OPENS: Final = 5
ODD: Final = 6
_KINDS: Final = {
    "img": IMAGE,
    "area": LEADS,
    "a": LEADS_AND_OPENS,
    "form": LEADS_AND_OPENS,
    **dict.fromkeys(_EMPTY, NOTHING),
}


@final
class Tag:
    """The same on any page. `apart` stands between the text before and after it.

    What follows an odd one is not simply text: its name is that of a silent element, `!--`, empty for a lone `<`,
    or `?` where it is not clear where it ends.
    """

    def __init__(self, name: str, kind: int, apart: str = "", changes: tuple[Change, ...] = ()) -> None:
        self.name: Final = name
        self.kind: Final = kind
        self.apart: Final = apart
        self.changes: Final = changes
        self.ended_by: Final = ENDED_BY.get(name, _NONE)


_NONE: Final = frozenset[str]()
PAGE: Final = Tag("", NOTHING)
_IMAGE: Final = Tag("img", IMAGE, " ")
_KNOWN: Final[dict[str, Tag]] = {}


def meaning(tag: str) -> Tag:
    """Of what stands between `<` and `>`. Cheap for what was met before, on this page or another."""
    if tag.startswith("img ") and tag.count('"') % 2 == 0 and tag.count("'") % 2 == 0:
        return _IMAGE
    at = tag.find('"http')
    if at > 0 and (end := tag.find('"', at + 1)) > 0:  # each a different one, and it says nothing
        tag = tag[: at + 1] + tag[end:]
    if "http" in tag:
        tag = _URL.sub("", tag)
    return remembered(tag) if len(tag) <= LONGEST_REMEMBERED else _first_met(tag)


def understood(tag: str) -> Tag:
    """Of a tag whose quotation marks are all right, or cannot be."""
    found = _NAME.match(tag)
    return _element(tag, found[1].lower()) if found else Tag("", NOTHING)


def _first_met(tag: str) -> Tag:
    found = _NAME.match(tag)
    if found is None:
        if tag.startswith(COMMENT):
            return Tag(COMMENT, ODD)
        return Tag("", NOTHING if tag.startswith(("!", "?", "/")) else ODD)
    name = found[1].lower()
    if name in SILENT and tag[0] != "/":
        return Tag(name, ODD)
    if tag.count('"') % 2 or tag.count("'") % 2:
        return Tag("?", ODD)
    return _element(tag, name)


def remembered(tag: str) -> Tag:
    """For short tags to be asked directly."""
    known = _KNOWN.get(tag)
    if known is None:
        if len(_KNOWN) >= MOST_REMEMBERED:
            _KNOWN.clear()
        known = _KNOWN[tag] = _first_met(tag)
    return known


def _element(tag: str, name: str) -> Tag:
    apart = _APART.get(name, "")
    if tag[0] == "/":
        return Tag(name, NOTHING if name in _NEVER_ENDED else CLOSES, apart)
    return Tag(name, _KINDS.get(name, OPENS), apart, changes_of(tag) if name not in _EMPTY and name != "img" else ())
