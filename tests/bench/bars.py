"""Draws bars: groups of them, each group on a scale of its own."""

from collections.abc import Mapping
from html import escape

WIDTH, LEFT, RIGHT, ROW, GAP = 720, 220, 110, 18, 30
STYLE = "text{font:13px sans-serif;fill:#333}.title{font-weight:bold}.others{fill:#90a4ae}.ours{fill:#1565c0}"


def picture(groups: Mapping[str, Mapping[str, float]], ours: frozenset[str], unit: str) -> str:
    """One SVG file; names in `ours` are in our colour."""
    parts, y = list[str](), 10
    for title, bars in groups.items():
        y += GAP
        parts.append(f'<text class="title" x="10" y="{y - 8}">{escape(title)}</text>')
        longest = max(bars.values(), default=0.0) or 1.0
        for name, value in bars.items():
            width = (WIDTH - LEFT - RIGHT) * value / longest
            kind = "ours" if name in ours else "others"
            parts += [
                f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
                f'<rect class="{kind}" x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="{ROW - 4}"/>',
                f'<text x="{LEFT + width + 6:.1f}" y="{y + 13}">{value:.3g} {unit}</text>',
            ]
            y += ROW
    top = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 20}" role="img"><style>{STYLE}</style>'
    return "\n".join([top, *parts, "</svg>"]) + "\n"
