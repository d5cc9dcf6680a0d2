"""Bar charts as inline SVG: no script, no font, no file from anywhere else."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 130
LEFT, BOTTOM, TOP = 46, 20, 8


def bars(values: Sequence[float], titles: Sequence[str], ends: tuple[str, str], marked: Mapping[int, str]) -> str:
    """One bar for each value with a title on hovering; `ends` stand below the first and the last bar.

    Bars whose place is in `marked` have another colour and a line above them, with these words.
    """
    top = max([*values, 1.0])
    step = (WIDTH - LEFT) / max(len(values), 1)
    shapes = [
        _bar(LEFT + place * step, max(step - 1, 0.5), value / top, title, place in marked)
        for place, (value, title) in enumerate(zip(values, titles, strict=True))
    ]
    shapes += [_mark(LEFT + (place + 0.5) * step, words) for place, words in marked.items()]
    base = HEIGHT - BOTTOM
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH}" y2="{base}" class="axis"/>'
        f'<text x="{LEFT - 6}" y="{TOP + 10}" class="right">{top:,.0f}</text>'
        f'<text x="{LEFT - 6}" y="{base}" class="right">0</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 5}">{escape(ends[0])}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 5}" class="right">{escape(ends[1])}</text>'
        f"{''.join(shapes)}</svg>"
    )


def _bar(left: float, width: float, share: float, title: str, marked: bool) -> str:
    height = share * (HEIGHT - BOTTOM - TOP)
    if not height:
        return ""
    kind = "marked" if marked else "bar"
    top = HEIGHT - BOTTOM - height
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _mark(x: float, words: str) -> str:
    side = ' class="mark right"' if x > WIDTH / 2 else ' class="mark"'
    offset = -4 if x > WIDTH / 2 else 4
    return (
        f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" class="mark"/>'
        f'<text x="{x + offset:.1f}" y="{TOP + 10}"{side}>{escape(words)}</text>'
    )
