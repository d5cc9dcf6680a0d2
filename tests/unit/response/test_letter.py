from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from detector.config import ConfigError, LetterChannel
from detector.incident.notice import Kind, Notice
from detector.ports import Contact, Temporary
from detector.response.letter import Letter, check_page
from detector.response.template_files import read_letter
from tests.support.response import NOW

NOTICE = Notice("i-1", "ann@example.org", "Ihr Konto <ann>", "Guten Tag,\n\n    1. Zuerst & dann\n", "kurz", "de")
ANN = Contact("ann@example.org", name="Ann Lee", postal_address="Ann Lee\nHauptstraße 1\n1010 Wien")
PAGE = read_letter(None)


def letter(directory: Path, page: str = PAGE) -> Letter:
    settings = LetterChannel(provider="letter", directory=directory, return_address="Example Net, 1 Main Street")
    return Letter(settings, page, lambda: NOW)


class Reader(HTMLParser):
    """Texts by the element that they stand in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.attributes: dict[str, dict[str, str | None]] = {}
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes[tag] = dict(attrs)
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + data


def test_a_letter_is_a_page_with_an_address_and_the_text(tmp_path: Path) -> None:
    assert letter(tmp_path).send(NOTICE, ANN, "i-1.notify_customer") == "a letter to print: notice-i-1.html"
    path = tmp_path / "notice-i-1.html"
    read = Reader(path.read_text("utf-8"))
    assert read.attributes["html"] == {"lang": "de"}
    assert read.texts["address"] == "Ann Lee\nHauptstraße 1\n1010 Wien"
    assert read.texts["small"] == "Example Net, 1 Main Street"
    assert read.texts["h1"] == NOTICE.subject
    assert read.texts["article"] == NOTICE.body.rstrip("\n") or read.texts["article"] == NOTICE.body
    assert read.texts["time"] == "2023-11-14"
    assert "size: A4" in read.texts["style"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_customers_are_called_is_no_markup(tmp_path: Path) -> None:
    hostile = replace(ANN, name="<script>alert(1)</script>", postal_address="A & B\x00\n<img src=x>")
    letter(tmp_path).send(NOTICE, hostile, "")
    text = (tmp_path / "notice-i-1.html").read_text("utf-8")
    assert "<script" not in text
    assert "<img" not in text
    assert "A &amp; B?" in text


def test_one_letter_for_each_incident_and_kind(tmp_path: Path) -> None:
    letter(tmp_path).send(NOTICE, ANN, "")
    letter(tmp_path).send(replace(NOTICE, body="again"), ANN, "")
    letter(tmp_path).send(replace(NOTICE, kind=Kind.APOLOGY), ANN, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["apology-i-1.html", "notice-i-1.html"]
    assert "again" in (tmp_path / "notice-i-1.html").read_text("utf-8")


def test_what_a_crash_left_unfinished_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "notice-i-1.unfinished").write_text("half a")
    letter(tmp_path).send(NOTICE, ANN, "")
    assert [path.name for path in tmp_path.iterdir()] == ["notice-i-1.html"]


def test_a_letter_needs_a_postal_address(tmp_path: Path) -> None:
    assert letter(tmp_path).reaches(ANN)
    assert not letter(tmp_path).reaches(replace(ANN, postal_address=""))


def test_a_directory_that_cannot_be_written_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(Temporary, match="cannot be written"):
        letter(tmp_path / "gone").send(NOTICE, ANN, "")
    with pytest.raises(ConfigError, match="is not a directory that we may write to"):
        letter(tmp_path / "gone").check()


def test_check_looks_at_the_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    letter(tmp_path).send(NOTICE, ANN, "")
    assert letter(tmp_path).check() == f"letters to {tmp_path}: 1 wait to be printed"
    tmp_path.chmod(0o755)
    with pytest.raises(ConfigError, match="everybody may look into"):
        letter(tmp_path).check()


def test_the_page_that_comes_with_the_program_may_be_posted() -> None:
    assert check_page(PAGE) == []


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("<p>{{ body }}<img src='logo.png'>", "needs something from outside: `<img`"),
        ("<style>@import 'x'; p { background: url(x) }</style>{{ body }}", "needs something from outside: `@import`"),
        ("<p>{{ body }} Send us your password.", "asks for a password"),
        ("<p>{{ body }} See www.example.org", "contains a link"),
        ("<p>{{ account }}", "unknown variables: account; possible are recipient"),
        ("<p>{{ body }", "line 1: "),
        ("<p>{{ body.__class__ }}", "cannot be rendered"),
    ],
)
def test_a_page_that_must_not_be_posted_is_refused(tmp_path: Path, page: str, fault: str) -> None:
    assert fault in check_page(page)[0]
    with pytest.raises(ConfigError, match=r"letter\.html: "):
        letter(tmp_path, page)
