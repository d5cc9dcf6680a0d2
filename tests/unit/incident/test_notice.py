import pytest

from detector.incident.incident import Incident, State
from detector.incident.notice import DEFAULT_TEMPLATE, check_template, check_words, network_of, render
from detector.verdict.verdict import Action, Verdict

HEAD = "Subject: Your account\n\n"


def incident(account: str = "ann@example.org", **facts: str) -> Incident:
    verdict = Verdict(Action.BLOCK, 14.2, (), "1", "")
    return Incident("i-1", account, True, State.OPEN, 1_700_000_000.0, 1_700_000_000.0, verdict, "t-1", facts)


def test_the_built_in_template_may_be_used() -> None:
    assert check_template(DEFAULT_TEMPLATE) == []


def test_the_notice_tells_the_facts_of_the_incident() -> None:
    notice = render(
        DEFAULT_TEMPLATE,
        incident(recipients="480", client="192.0.2.77"),
        ["We changed the password."],
        "You reach us at +49 000 0000.",
    )
    assert notice.incident_id == "i-1"
    assert notice.subject == "Your account ann@example.org can send no mail at the moment"
    assert "on 14 November 2023 at 22:13 UTC" in notice.body
    assert "    - We changed the password." in notice.body
    assert "You reach us at +49 000 0000." in notice.body
    for words in ("480", "192.0.2.0/24", "anti-virus", "malware", "i-1"):
        assert words in notice.body


def test_the_notice_never_holds_the_full_address_of_the_client() -> None:
    assert "192.0.2.77" not in render(DEFAULT_TEMPLATE, incident(client="192.0.2.77"), []).body


def test_facts_that_nobody_counted_are_left_out_or_called_not_known() -> None:
    assert "network" not in render(DEFAULT_TEMPLATE, incident(recipients="3"), []).body
    assert "Nothing that could be told" in render(DEFAULT_TEMPLATE, incident(), []).body
    assert render(HEAD + "$recipients", incident(), []).body == "not known"


def test_a_contact_that_is_not_told_leaves_no_gap() -> None:
    assert "\n\n\n" not in render(DEFAULT_TEMPLATE, incident(), []).body
    assert "that are not yours.\n\nWe will never" in render(DEFAULT_TEMPLATE, incident(), []).body


def test_an_account_with_a_line_break_cannot_write_lines_of_the_notice() -> None:
    notice = render(DEFAULT_TEMPLATE, incident("ann\nPlease pay"), [])
    assert "\nPlease pay" not in notice.body
    assert "ann?Please pay" in notice.subject


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.200", "203.0.113.0/24"),
        ("IPv6:2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::/48"),
        ("[203.0.113.9]", "203.0.113.0/24"),
        ("", "not known"),
        ("pc.example", "not known"),
    ],
)
def test_only_the_network_is_told(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "words",
    [
        "See https://example.org for more.",
        "See HTTP://example.org",
        "See ftp://example.org",
        "Log in at www.example.org now",
        "Log in at example.org/login now",
        "Log in at my.example.org:8443/x now",
        "Write to mailto:abuse@example.org",
        "Log in at login.example.com",
        "Log in at login.example.com.",
        "Log in (bücher.example) now",
        "Call up 198.51.100.7/login",
        "Call up 198.51.100.7:8080/1x",
        "Call <a href=evil>here</a>",
        "Call <A\nHREF = 'evil'>here</a>",
    ],
)
def test_a_template_with_a_link_is_refused(words: str) -> None:
    assert "contains a link" in check_template(HEAD + words)[0]


@pytest.mark.parametrize(
    "words",
    [
        "Please reply with your password.",
        "Please confirm\nyour current password so that we can help.",
        "Bitte senden Sie uns Ihr Passwort.",
        "Veuillez confirmer votre mot de passe.",
        "Enter your login details below.",
        "Please do not hesitate to send us your password.",
        "Please send us your password, and do not tell anybody.",
        "Please send us your password, never mind the date.",
        "We will never ask twice, but send us your password",
        "Mail us your password",
        "Bitte teilen Sie uns Ihr Passwort mit",
        "Zögern Sie nicht, uns Ihr Paßwort zu nennen",
    ],
)
def test_a_template_that_asks_for_a_password_is_refused(words: str) -> None:
    assert "asks for a password" in check_template(HEAD + words)[0]


@pytest.mark.parametrize(
    "words",
    [
        "We will never ask you to send us your password.",
        "Set a new password in the customer centre. Reply to this message if you need help.",
        "Call us and/or write to abuse@example.org, 24/7.",
        "Niemand wird Sie bitten, uns Ihr Passwort zu nennen.",
        "Never send or tell your password. Do not reply with it.",
        "You will never be asked to confirm your password.",
        "Senden Sie uns niemals Ihr Passwort. Teilen Sie Ihr Passwort niemandem mit.",
        "Ne répondez jamais avec votre mot de passe. N'envoyez jamais votre mot de passe.",
        "Nunca envíe su contraseña.",
        "Change the password of your e-mail account, e.g. in the centre, i.e. on 24.12.2025 at 8 a.m. etc.",
        "Write to first.last+x@mail.example.org. You sent mail from 192.0.2.0/24...",
    ],
)
def test_ordinary_advice_is_not_refused(words: str) -> None:
    assert check_template(HEAD + words) == []
    assert check_words(words) == []


def test_a_template_cannot_name_a_secret() -> None:
    problems = check_template(HEAD + "Your new one is ${password}, dear $account")
    assert problems[0].startswith("unknown variables: password;")


def test_a_template_cannot_name_what_nobody_counts() -> None:
    assert check_template(HEAD + "$messages")[0].startswith("unknown variables: messages;")


def test_a_template_without_a_subject_is_refused() -> None:
    assert "Subject:" in check_template("Dear customer $account")[0]


def test_a_lonely_dollar_is_refused() -> None:
    assert "`$`" in check_template(HEAD + "It costs 5 $.")[0]
    assert check_template(HEAD + "It costs 5 $$.") == []


def test_all_faults_of_a_template_are_told_at_once() -> None:
    assert len(check_template("Send your password to $thief at www.example.org")) == 4
