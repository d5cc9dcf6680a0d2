"""What of CSS decides whether text is seen: display, size, colour on its background. Inline, and by simple classes."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

LONGEST: Final = 1000  # characters of attributes that are looked at
LONGEST_SHEET: Final = 20_000
LONGEST_DECLARATION: Final = 100  # of those that matter

Colour = int  # 0xRRGGBB
Change = tuple[str, int | None]

_STYLE_ATTRIBUTE: Final = re.compile(r"style(?<![\w-]style)\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s\"'>]++))")
_CLASS_ATTRIBUTE: Final = re.compile(r"class(?<![\w-]class)\s*+=\s*+[\"']?([^\"'>]*+)")
_COLOUR_ATTRIBUTE: Final = re.compile(
    r"color(?:(?<![\w-]color)|(?<![\w-]bgcolor)(?<=(bg)color))\s*+=\s*+[\"']?([^\"'\s>]++)"
)
_VALUE: Final = re.compile(r"\"[^\"]*+\"?|'[^']*+'?|=\s*+[^\s\"']++")
_HIDDEN_ATTRIBUTE: Final = re.compile(r"(?<![\w-])hidden(?![\w-])")
_ZERO: Final = re.compile(
    r"(?:[01](?:\.\d*+)?|\.\d++)\s*+(?:px|pt)?(?![\d.a-z%])|(?:0(?:\.0\d*+)?|\.0\d*+)\s*+(?:r?em|%)"
)
_HEX: Final = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b")
_RGB: Final = re.compile(r"rgba?\(\s*+(\d{1,3})\s*+,\s*+(\d{1,3})\s*+,\s*+(\d{1,3})")
_MEDIA: Final = re.compile(r"@media[^{@]*+\{(?>(?:[^{}]*+\{[^{}]*+\})*)[^{}]*+\}?")
_BEGINS_SHEET: Final = re.compile(r"<[sS][tT][yY][lL][eE]")
_SHEET: Final = re.compile(r"<style\b([^<]*+(?>(?:<(?!/style)[^<]*+)*))", re.IGNORECASE)
_CLASS_AT_END: Final = re.compile(r"\.([\w-]++)\s*+\Z")
_NAMED: Final = {"white": 0xFFFFFF, "black": 0}
_ALIKE: Final = 12  # of 255 in each channel: nobody reads that

_GONE: Final = "gone"
_TINY: Final = "tiny"
_COLOUR: Final = "colour"
_BACKGROUND: Final = "background"
_HIDE: Final[Change] = (_GONE, 1)
_HIDING: Final = (_GONE, _TINY)


class Style(NamedTuple):
    """What an element's text inherits. A colour that is not known is None, and then never taken for hidden.

    A tuple, as it is the key of a cache for each tag.
    """

    gone: bool = False
    tiny: bool = False
    colour: Colour | None = 0
    background: Colour | None = 0xFFFFFF
    visible: bool = True


DEFAULT: Final = Style()


def changes_of(attributes: str) -> tuple[Change, ...]:
    """All that an element's attributes say of what is seen, in the order in which it counts."""
    text = attributes[:LONGEST].lower()
    found = []
    if "color" in text:
        found = [_change(f"{background and 'background-'}color:{value}") for background, value in _coloured(text)]
    style = ""
    if "style" in text and (declared := _STYLE_ATTRIBUTE.search(text)):
        style = declared[1] or declared[2] or declared[3] or ""
        found += _declared(style)
    # The word is mostly in the style: overflow:hidden.
    if "hidden" in text and "hidden" in text.replace(style, "") and _HIDDEN_ATTRIBUTE.search(_VALUE.sub("", text)):
        found.append(_HIDE)
    return tuple(change for change in found if change)


@lru_cache(maxsize=1024)
def applied(found: tuple[Change, ...], style: Style) -> Style:
    """The style of an element with these changes inside one with `style`."""
    gone, tiny, colour, background, _ = style
    for what, value in found:
        if what is _COLOUR:
            colour = value
        elif what is _BACKGROUND:
            background = value
        elif what is _TINY:
            tiny = bool(value)
        else:
            gone = True
    return Style(gone, tiny, colour, background, not (gone or tiny or _alike(colour, background)))


def hiding_classes(source: str) -> dict[str, tuple[Change, ...]]:
    """Classes, in lower case, by which a style sheet of the page hides on every screen, or sets a size; else none."""
    if not _BEGINS_SHEET.search(source):  # the other search takes a hundred times as long
        return {}
    sheets = " ".join(_SHEET.findall(source))[:LONGEST_SHEET].lower()
    found = {}
    for rule in _MEDIA.sub("", sheets).split("}"):
        if "display" in rule or "visibility" in rule or "font-size" in rule:
            selector, _, declared = rule.partition("{")
            if name := _CLASS_AT_END.search(selector):
                found[name[1]] = tuple(change for change in _declared(declared) if change and change[0] in _HIDING)
    return found if any(value for changes in found.values() for _, value in changes) else {}


def of_class(attributes: str, classes: dict[str, tuple[Change, ...]]) -> tuple[Change, ...]:
    """What the classes of an element say."""
    found = _CLASS_ATTRIBUTE.search(attributes[:LONGEST].lower())
    if found is None or classes.keys().isdisjoint(names := found[1].split()):
        return ()
    return tuple(change for name in names for change in classes.get(name, ()))


def _declared(style: str) -> list[Change | None]:
    return [_change(part[:LONGEST_DECLARATION]) for part in map(str.strip, style.split(";"))]


def _coloured(text: str) -> list[tuple[str, str]]:
    return _COLOUR_ATTRIBUTE.findall(text)


# The same few declarations come again and again, in one page and in all.
@lru_cache(maxsize=4096)
def _change(declaration: str) -> Change | None:
    name, _, value = declaration.partition(":")
    name, value = name.strip(), value.strip()
    if name == "font-size":
        return _TINY, bool(_ZERO.match(value))
    if name == "color":
        return _COLOUR, _colour(value)
    if name in ("background", "background-color"):
        return None if value.startswith(("transparent", "none", "inherit")) else (_BACKGROUND, _colour(value))
    if name in ("opacity", "max-height"):
        return _HIDE if _ZERO.match(value) and not value.startswith("1") else None
    hiding = {"display": "none", "visibility": "hidden", "mso-hide": "all"}.get(name)
    return _HIDE if hiding and value.startswith(hiding) else None


def _colour(value: str) -> Colour | None:
    if "url(" in value or "gradient" in value:
        return None
    if found := _HEX.search(value):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return int(digits, 16)
    if found := _RGB.search(value):
        return min(int(found[1]), 255) << 16 | min(int(found[2]), 255) << 8 | min(int(found[3]), 255)
    return next((colour for name, colour in _NAMED.items() if name in value), None)


def _alike(one: Colour | None, other: Colour | None) -> bool:
    if one is None or other is None:
        return False
    return all(abs((one >> shift & 255) - (other >> shift & 255)) <= _ALIKE for shift in (0, 8, 16))
