import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError
from jinja2.exceptions import SecurityError

from detector.incident.notice import Facts, Form, Kind
from detector.incident.templates import TEXTS, Templates, environment, name_of, split
from detector.response.template_files import LETTER, shipped
from tests.unit.incident.test_notice import incident

ALL = {name: text for name, text in shipped().items() if name != LETTER}
DONE = ("change_password", "revoke_app_passwords", "end_sessions", "hold_queue")
LANGUAGES = ("de", "en", "es", "fr")


def test_the_notice_tells_the_facts_of_the_incident() -> None:
    facts = Facts(
        incident(recipients="480", client="192.0.2.77"), DONE, contact="You reach us at +49 000 0000.", name="Ann"
    )
    notice = Templates(ALL, "en").render(Kind.NOTICE, "", facts)
    assert (notice.incident_id, notice.account, notice.language) == ("i-1", "ann@example.org", "en")
    assert notice.subject == "Your account ann@example.org can send no mail at the moment"
    assert "on 14 November 2023 at 22:13 UTC" in notice.body
    assert "We replaced the password of the account: the old one no longer works." in notice.body
    for words in ("480", "192.0.2.0/24", "anti-virus", "malware", "i-1", "Dear Ann,", "You reach us at +49 000 0000."):
        assert words in notice.body
    assert "ann@example.org" in notice.short
    assert "\n" not in notice.short


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_apology_does_not_promise_mail_that_was_deleted(language: str) -> None:
    sent, deleted = (
        Templates(ALL, "en").render(Kind.APOLOGY, language, Facts(incident(), done)).body
        for done in (DONE, (*DONE, "discard_queue"))
    )
    assert sent != deleted
    assert max(map(len, deleted.splitlines())) <= 76
    assert "\n\n\n" not in deleted


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_language_says_the_same_things(language: str, kind: Kind) -> None:
    told = Templates(ALL, "en").render(kind, language, Facts(incident(recipients="480"), DONE, contact="+1 555 0100"))
    assert told.language == language
    for words in ("ann@example.org", "2023", "i-1", "+1 555 0100"):
        assert words in told.body
    assert "\n\n\n" not in told.body
    assert max(map(len, told.body.splitlines())) <= 76


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_tells_only_what_was_done(language: str) -> None:
    templates = Templates(ALL, "en")
    bare = templates.render(Kind.NOTICE, language, Facts(incident())).body
    for step in DONE:
        assert len(templates.render(Kind.NOTICE, language, Facts(incident(), [step])).body) > len(bare)


@pytest.mark.parametrize("language", LANGUAGES)
def test_anti_virus_comes_before_the_new_password(language: str) -> None:
    body = Templates(ALL, "en").render(Kind.NOTICE, language, Facts(incident())).body
    steps = body[body.index("    1.") :]
    assert "vir" in steps[: steps.index("    2.")].lower()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", ["body", "short"])
def test_a_code_is_told_where_there_is_one(language: str, form: str) -> None:
    templates = Templates(ALL, "en")
    assert "ab-cd" in getattr(templates.render(Kind.NOTICE, language, Facts(incident(), code="ab-cd")), form)


@pytest.mark.parametrize(
    ("asked", "given"),
    [("de-AT", "de"), ("DE", "DE"), ("de-Latn-CH", "de"), ("pt-BR", "en"), ("", "en"), ("x", "en"), ("den", "en")],
)
def test_a_language_falls_back_to_its_base_and_then_to_the_default(asked: str, given: str) -> None:
    assert Templates(ALL, "en").render(Kind.NOTICE, asked, Facts(incident())).language == given


def test_a_region_of_ones_own_comes_first() -> None:
    regional = ALL | {"notice.de-AT.txt": "Subject: Servus\n\nServus {{ account }}\n"}
    assert Templates(regional, "en").render(Kind.NOTICE, "de-at", Facts(incident())).subject == "Servus"
    # Nobody wrote a short text for it: the one of the default language says the same.
    assert Templates(regional, "en").render(Kind.NOTICE, "de-AT", Facts(incident())).short.startswith("Your mail")


def test_an_account_with_a_line_break_cannot_write_lines_of_the_notice() -> None:
    notice = Templates(ALL, "en").render(Kind.NOTICE, "", Facts(incident("ann\nPlease pay")))
    assert "\nPlease pay" not in notice.body
    assert "ann?Please pay" in notice.subject


def test_what_is_put_in_is_not_a_template() -> None:
    notice = Templates(ALL, "en").render(Kind.NOTICE, "", Facts(incident("{{ 7 * 7 }}@example.org")))
    assert "{{ 7 * 7 }}@example.org" in notice.body


@pytest.mark.parametrize(
    "source",
    [
        "{{ account.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{% include 'notice.de.txt' %}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ nobody }}",
        "{{ done.add('x') }}",
    ],
)
def test_a_template_reaches_nothing_but_its_variables(source: str) -> None:
    with pytest.raises((SecurityError, TemplateError, TypeError, AttributeError)):
        str(TEXTS.from_string(source).render(account="ann", done={"x"}))


def test_pages_are_escaped_and_texts_are_not() -> None:
    assert environment(autoescape=True).from_string("{{ a }}").render(a="<b>") == "&lt;b&gt;"
    assert TEXTS.from_string("{{ a }}").render(a="<b>") == "<b>"


def test_a_text_without_a_subject_cannot_be_split() -> None:
    assert split("Subject: Hello\n\nBody\n") == ("Hello", "Body\n")
    with pytest.raises(ValueError, match="first line"):
        split("Hello\n\nBody\n")


def test_the_name_of_a_template_tells_all() -> None:
    assert name_of(Kind.APOLOGY, Form.MAIL, "fr") == "apology.fr.txt"
    assert set(ALL) == {name_of(kind, form, language) for kind in Kind for form in Form for language in LANGUAGES}


OURS = Templates(ALL, "en")


@given(
    account=st.text(min_size=1, max_size=60).filter(str.strip),
    name=st.text(max_size=60),
    kind=st.sampled_from(list(Kind)),
)
def test_whatever_a_customer_is_called_the_notice_keeps_its_lines(account: str, name: str, kind: Kind) -> None:
    plain = OURS.render(kind, "", Facts(incident("ann"), name="Ann"))
    told = OURS.render(kind, "", Facts(incident(account), name=name))
    assert len(told.body.splitlines()) == len(plain.body.splitlines())
    assert len(told.subject.splitlines()) == 1
