"""What the reader of a message sees: subject, text, where the links lead, and what is attached."""

import re
from typing import Final

from detector.content.folding import folded
from detector.content.letter import PLAIN, Letter, Link, Structure
from detector.content.links import MOST_LINKS, link, links_in
from detector.content.mime import SHOWN_KINDS, Message, Part, parsed
from detector.content.page import MOST_TAGS, Page, rendered
from detector.mail.written import Written

MOST_TEXT: Final = 4000  # characters
MOST_SHOWN: Final = 6  # parts with text
FULL_PAGES: Final = 2  # of the longest; more of them share what two may cost
LONGEST_SUBJECT: Final = 250
LONGEST_EXTENSION: Final = 8

# RFC 3676 section 4.5: a quotation begins in the first column. What stands behind a blank is shown as the writer's own.
_QUOTED: Final = re.compile(r"\n>[^\n]*+")


def read(written: Written) -> Letter:
    """Read a message: whatever the octets are, nothing is raised, and the time is bounded."""
    return letter_of(parsed(written))


def letter_of(message: Message) -> Letter:
    """The same, of its parts. Nothing counts but what `Message.said` holds."""
    shown = [part for part in message.parts if part.shown][:MOST_SHOWN]
    html = [number for number, part in enumerate(shown) if part.kind == "text/html"]
    most_tags = MOST_TAGS if len(html) <= FULL_PAGES else MOST_TAGS * FULL_PAGES // len(html)
    pages = {number: rendered(shown[number].text, most_tags) for number in html}
    text = folded(_text(shown, pages))
    own, quoted = _quotes_apart(text)
    clicked = [link(anchor.target, anchor.shown) for page in pages.values() for anchor in page.anchors]
    links = [one for one in clicked if one is not None][:MOST_LINKS]
    links += links_in(own or quoted, MOST_LINKS - len(links))
    return Letter(
        subject=folded(message.subject[:LONGEST_SUBJECT]),
        text=own,
        quoted=quoted,
        links=tuple(links),
        reply_to=message.reply_to,
        structure=_structure(message.parts, [*pages.values()], text, links),
    )


def _text(shown: list[Part], pages: dict[int, Page]) -> str:
    texts = [
        pages[number].text if number in pages else part.text[:MOST_TEXT]
        for number, part in enumerate(shown)
        if number in pages or not (part.alternative and pages)
    ]
    text = "\n".join(texts)
    if not text.strip():  # a picture for those who see the page, and words for the others
        text = "\n".join(part.text[:MOST_TEXT] for part in shown if part.kind == "text/plain")
    return text.replace("\r\n", "\n")[:MOST_TEXT]


def _structure(parts: tuple[Part, ...], pages: list[Page], text: str, links: list[Link]) -> Structure:
    images = sum([page.images for page in pages]) + sum([part.kind.startswith("image/") for part in parts])
    if not (pages or images or links) and len(parts) == 1 and not parts[0].attached and parts[0].kind in SHOWN_KINDS:
        return PLAIN
    return Structure(
        html=bool(pages),
        form=any(page.form for page in pages),
        images=images,
        only_image=images > 0 and len(text) < 40,
        hidden=sum([page.hidden for page in pages]),
        misleading=sum([link.misleading for link in links]),
        attachments=tuple([_extension(part) for part in parts if part.attached or part.kind not in SHOWN_KINDS]),
    )


def _extension(part: Part) -> str:
    _, dot, extension = part.filename.strip().lower().rpartition(".")
    return extension if dot and len(extension) <= LONGEST_EXTENSION else part.kind


def _quotes_apart(text: str) -> tuple[str, str]:
    if "\n>" not in text and not text.startswith(">"):
        return text, ""
    text = f"\n{text}"
    return _QUOTED.sub("", text).removeprefix("\n"), "".join(_QUOTED.findall(text)).removeprefix("\n")
