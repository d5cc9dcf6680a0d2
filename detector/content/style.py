"""What of CSS decides whether text is seen: display, size, colour on its background. Inline, and by simple classes."""

import re
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 1000  # characters of attributes that are looked at
LONGEST_SHEET = 20_000

Colour = tuple[int, int, int]

_STYLE_ATTRIBUTE = re.compile(r"(?<![\w-])style\s*+=\s*+(?:\"([^\"]*+)|'([^']*+))", re.IGNORECASE)
_CLASS_ATTRIBUTE = re.compile(r"(?<![\w-])class\s*+=\s*+[\"']?([^\"'>]*+)", re.IGNORECASE)
_COLOUR_ATTRIBUTE = re.compile(r"(?<![\w-])(bgcolor|color)\s*+=\s*+[\"']?([^\"'\s>]++)", re.IGNORECASE)
_VALUE = re.compile(r"\"[^\"]*+\"?|'[^']*+'?|=\s*+[^\s\"']++")
_HIDDEN_ATTRIBUTE = re.compile(r"(?<![\w-])hidden(?![\w-])", re.IGNORECASE)
_STYLED = re.compile(r"style|color|hidden", re.IGNORECASE)
_DECLARATION = re.compile(
    r"(?<![\w-])(display|visibility|opacity|mso-hide|font-size|max-height|color|background(?:-color)?)\s*+:\s*+([^;]*+)",
    re.IGNORECASE,
)
_ZERO = re.compile(
    r"(?:[01](?:\.\d*+)?|\.\d++)\s*+(?:px|pt)?(?![\d.a-z%])|(?:0(?:\.0\d*+)?|\.0\d*+)\s*+(?:r?em|%)", re.IGNORECASE
)
_HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)
_RGB = re.compile(r"rgba?\(\s*+(\d{1,3})\s*+,\s*+(\d{1,3})\s*+,\s*+(\d{1,3})", re.IGNORECASE)
_MEDIA = re.compile(r"@media[^{@]*+\{(?:[^{}]*+\{[^{}]*+\})*+[^{}]*+\}?", re.IGNORECASE)
_HIDING_RULE = re.compile(
    r"\.([\w-]++)\s*+\{[^{}]*?(?:display\s*:\s*none|font-size\s*:\s*0|visibility\s*:\s*hidden)", re.IGNORECASE
)
_SHEET = re.compile(r"<style\b(.*?)(?:</style|\Z)", re.DOTALL | re.IGNORECASE)
_NAMED = {"white": (255, 255, 255), "black": (0, 0, 0)}
_ALIKE = 12  # of 255 in each channel: nobody reads that


@dataclass(frozen=True, slots=True)
class Style:
    """What an element's text inherits. A colour that is not known is None, and then never taken for hidden."""

    gone: bool = False
    tiny: bool = False
    colour: Colour | None = (0, 0, 0)
    background: Colour | None = (255, 255, 255)
    visible: bool = True


DEFAULT = Style()


def styled(attributes: str, style: Style, classes: frozenset[str]) -> Style:
    """The style of an element with these attributes inside one with `style`."""
    if classes and (found := _CLASS_ATTRIBUTE.search(attributes)) and not classes.isdisjoint(found[1].split()):
        return Style(gone=True, visible=False)
    declared = _declared(attributes[:LONGEST])
    return _applied(declared, style) if declared else style


def hidden_classes(source: str) -> frozenset[str]:
    """Classes that a style sheet of the page hides on every screen."""
    sheets = " ".join(_SHEET.findall(source))[:LONGEST_SHEET]
    return frozenset(_HIDING_RULE.findall(_MEDIA.sub("", sheets)))


# The same few styles come again and again; the keys are short, so that the caches stay small.
@lru_cache(maxsize=1024)
def _declared(attributes: str) -> str:
    """All that attributes say of the style, as CSS in lower case."""
    if not _STYLED.search(attributes):
        return ""
    declared = [f"{name}:{value}" for name, value in _COLOUR_ATTRIBUTE.findall(attributes)]
    if found := _STYLE_ATTRIBUTE.search(attributes):
        declared.append(found[1] or found[2] or "")
    if _HIDDEN_ATTRIBUTE.search(_VALUE.sub("", attributes)):
        declared.append("display:none")
    return ";".join(declared).lower().replace("bgcolor:", "background:")


@lru_cache(maxsize=1024)
def _applied(declared: str, style: Style) -> Style:
    gone, tiny, colour, background = style.gone, style.tiny, style.colour, style.background
    for name, value in _DECLARATION.findall(declared):
        if name == "font-size":
            tiny = bool(_ZERO.match(value))
        elif name == "color":
            colour = _colour(value)
        elif name.startswith("background"):
            background = background if value.startswith(("transparent", "none", "inherit")) else _colour(value)
        else:
            gone = gone or _hides(name, value)
    return Style(gone, tiny, colour, background, not (gone or tiny or _alike(colour, background)))


def _hides(name: str, value: str) -> bool:
    if name in ("opacity", "max-height"):
        return bool(_ZERO.match(value)) and not value.startswith("1")
    return value.startswith({"display": "none", "visibility": "hidden", "mso-hide": "all"}[name])


def _colour(value: str) -> Colour | None:
    if "url(" in value or "gradient" in value:
        return None
    if found := _HEX.search(value):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if found := _RGB.search(value):
        return int(found[1]), int(found[2]), int(found[3])
    return next((colour for name, colour in _NAMED.items() if name in value), None)


def _alike(one: Colour | None, other: Colour | None) -> bool:
    return one is not None and other is not None and max(abs(a - b) for a, b in zip(one, other, strict=True)) <= _ALIKE
