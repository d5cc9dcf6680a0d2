from dataclasses import replace
from pathlib import Path

import pytest

from detector.config import ConfigError, NoticeSettings
from detector.incident.notice import AFTERWARDS, Facts, Kind, Notice
from detector.response.template_files import own, read_letter, read_templates, shipped
from tests.support.response import incident


def settings(templates: Path | None = None, language: str = "en", contact: str = "") -> NoticeSettings:
    return NoticeSettings(sender="abuse@example.org", templates=templates, language=language, contact=contact)


def notice(chosen: NoticeSettings, language: str = "") -> Notice:
    return read_templates(chosen).render(Kind.NOTICE, language, Facts(incident()))


def test_four_languages_come_with_the_program() -> None:
    assert [notice(settings(), language).language for language in ("de", "en", "es", "fr", "it")] == [
        *("de", "en", "es", "fr"),
        "en",
    ]
    assert notice(settings(language="fr"), "it").language == "fr"


@pytest.mark.parametrize(
    ("language", "word"), [("de", "im Nachhinein"), ("en", "afterwards"), ("es", "después"), ("fr", "après coup")]
)
def test_a_customer_is_told_if_it_was_found_out_only_afterwards(language: str, word: str) -> None:
    at_once = incident()
    late = replace(at_once, facts={**at_once.facts, AFTERWARDS: "12 do not exist"})
    templates = read_templates(settings())
    assert word in templates.render(Kind.NOTICE, language, Facts(late)).body
    assert len(templates.render(Kind.NOTICE, language, Facts(late)).body) > len(
        templates.render(Kind.NOTICE, language, Facts(at_once)).body
    )


def test_an_operators_text_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "notice.de.txt").write_text("Subject: Hallo\n\nHallo {{ account }}\n", "utf-8")
    (tmp_path / "notice.it.txt").write_text("Subject: Ciao\n\nCiao {{ account }}\n", "utf-8")
    (tmp_path / "README").write_text("what this is for")
    assert notice(settings(tmp_path), "de").subject == "Hallo"
    assert notice(settings(tmp_path), "it").subject == "Ciao"
    assert notice(settings(tmp_path), "fr").language == "fr"


def test_a_bad_text_stops_the_start_with_every_fault(tmp_path: Path) -> None:
    (tmp_path / "notice.it.txt").write_text("Subject: Ciao\n\nSend your password to www.example.org\n")
    (tmp_path / "welcome.txt").write_text("Hello\n")
    with pytest.raises(ConfigError) as caught:
        read_templates(settings(tmp_path, "it", "See https://example.org"))
    assert [line.split(" `")[0].split("; ")[0] for line in str(caught.value).splitlines()] == [
        f"{tmp_path}: notice.it.txt: it contains a link:",
        f"{tmp_path}: notice.it.txt: it asks for a password:",
        f"{tmp_path}: welcome.txt: no name of a template",
        f"{tmp_path}: no template in the default language: notice.short.it.txt",
        f"{tmp_path}: no template in the default language: apology.it.txt",
        f"{tmp_path}: no template in the default language: apology.short.it.txt",
        "response.notice.contact: it contains a link:",
    ]


def test_a_language_that_nobody_wrote_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"no template in the default language: notice\.xx\.txt"):
        read_templates(settings(language="xx"))


def test_a_directory_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        own(tmp_path / "gone")
    (tmp_path / "notice.en.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        own(tmp_path)


def test_the_page_of_a_letter_may_be_ones_own(tmp_path: Path) -> None:
    assert read_letter(None) == shipped()["letter.html"]
    (tmp_path / "letter.html").write_text("<p>{{ body }}")
    assert read_letter(tmp_path) == "<p>{{ body }}"
