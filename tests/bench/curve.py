"""Draws what escapes against what false alarms cost, from result files of an account takeover benchmark.

    python -m tests.bench.curve --out models/curve.svg "11.5=default.json" "14=careful.json" ...

Each argument is a word to stand beside the point and a result file; `+name=file` is another system, not on our line,
and `+name=harm,escaped` one of which only the two numbers are known.
"""

import argparse
import json
from dataclasses import dataclass
from html import escape
from math import log10
from pathlib import Path

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 20, 60
MOST_HARM, MOST_ESCAPED = 30.0, 400.0
NOTHING = 0.2  # per 1000 account-months: where zero stands on a logarithmic axis
HARMS, ESCAPES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0), (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
STYLE = (
    "text{font:13px sans-serif;fill:#333}.axis{stroke:#999}.grid{stroke:#eee}.ours{fill:#1565c0}.others{fill:#c62828}"
    ".line{stroke:#1565c0;fill:none;stroke-width:2}"
)


@dataclass(frozen=True, slots=True)
class Point:
    """`harm`: honest accounts rejected or reset per 1000 account-months; `escaped`: geometric mean of an incident."""

    name: str
    harm: float
    escaped: float


def point(name: str, file: Path) -> Point:
    """Of the first month and the later ones together, whichever of rejects and resets hurt more accounts."""
    result = json.loads(file.read_text("utf-8"))
    phases = [result["legit"][phase] for phase in ("all", "warm_up")]
    months = sum(phase["account_months"] for phase in phases)
    hurt = max(sum(phase[kind]["accounts"] for phase in phases) for kind in ("rejected", "incidents"))
    return Point(name, 1000.0 * hurt / months, result["abuse"]["overall"]["escaped_geometric_mean"])


def picture(ours: list[Point], others: list[Point]) -> str:
    """One SVG file, both axes logarithmic."""
    ours = sorted(ours, key=lambda one: one.harm)
    path = " ".join(f"{_x(one.harm):.1f},{_y(one.escaped):.1f}" for one in ours)
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><style>{STYLE}</style>',
        *[f'<line class="grid" x1="{_x(one):.1f}" y1="{TOP}" x2="{_x(one):.1f}" y2="{base}"/>' for one in HARMS],
        *[f'<line class="grid" x1="{LEFT}" y1="{_y(one):.1f}" x2="{right}" y2="{_y(one):.1f}"/>' for one in ESCAPES],
        *[f'<text x="{_x(one):.1f}" y="{base + 18}" text-anchor="middle">{one:g}</text>' for one in HARMS],
        *[f'<text x="{LEFT - 8}" y="{_y(one) + 4:.1f}" text-anchor="end">{one:g}</text>' for one in ESCAPES],
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 14}" text-anchor="middle">'
        "honest accounts rejected or reset per 1000 account-months</text>",
        f'<text x="16" y="{(TOP + base) / 2}" text-anchor="middle" transform="rotate(-90 16 {(TOP + base) / 2})">'
        "recipients escaped per incident (geometric mean)</text>",
        f'<polyline class="line" points="{path}"/>',
        *[_dot(one, "ours") for one in ours],
        *[_dot(one, "others") for one in others],
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(harm: float) -> float:
    share = log10(max(harm, NOTHING) / NOTHING) / log10(MOST_HARM / NOTHING)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(escaped: float) -> float:
    return HEIGHT - BOTTOM - log10(max(escaped, 1.0)) / log10(MOST_ESCAPED) * (HEIGHT - TOP - BOTTOM)


def _dot(one: Point, kind: str) -> str:
    x, y = _x(one.harm), _y(one.escaped)
    words = f'<text x="{x + 8:.1f}" y="{y - 6:.1f}">{escape(one.name)}</text>'
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>{words}'


def _point(name: str, text: str) -> Point:
    harm, comma, escaped = text.partition(",")
    return Point(name, float(harm), float(escaped)) if comma else point(name, Path(text))


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    named = [text.partition("=") for text in options.points]
    points = [(name, _point(name.removeprefix("+"), text)) for name, _, text in named]
    ours = [one for name, one in points if not name.startswith("+")]
    options.out.write_text(picture(ours, [one for name, one in points if name.startswith("+")]), "utf-8")
    for _, one in points:
        print(f"{one.name:20s} harm {one.harm:6.2f}  escaped {one.escaped:6.1f}")


if __name__ == "__main__":
    main()
