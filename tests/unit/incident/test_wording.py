import pytest

from detector.incident.wording import SHORT_LENGTH, check_template, check_templates, check_words
from detector.response.template_files import LETTER, shipped

HEAD = "Subject: Your account\n\n"
ALL = {name: text for name, text in shipped().items() if name != LETTER}


def test_all_that_comes_with_the_program_may_be_sent() -> None:
    assert check_templates(ALL, "en") == []
    assert check_templates(ALL, "fr") == []


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
    assert "contains a link" in check_template("notice.en.txt", HEAD + words)[0]


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
        "Bitte verraten Sie uns Ihre Zugangsdaten.",
        "Veuillez nous communiquer votre mot de passe.",
        "Envoyez-nous vos identifiants.",
        "Indiquez votre mot de passe ci-dessous.",
        "Envíenos su contraseña.",
        "Indíquenos su clave, por favor.",
        "Haga el favor de facilitarnos su contraseña.",
        "Introduzca su contraseña aquí.",
    ],
)
def test_a_template_that_asks_for_a_password_is_refused(words: str) -> None:
    assert "asks for a password" in check_template("notice.en.txt", HEAD + words)[0]


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
        "Nunca le pediremos su contraseña. No nos envíe nunca su contraseña.",
        "Nous ne vous demanderons jamais votre mot de passe.",
        "Wir werden Sie niemals nach Ihrem Passwort fragen.",
        "Sent from 192.0.2.0/24 and 2001:db8:1::/48",
        "Change the password of your e-mail account, e.g. in the centre, i.e. on 24.12.2025 at 8 a.m. etc.",
        "Write to first.last+x@mail.example.org. You sent mail from 192.0.2.0/24...",
    ],
)
def test_ordinary_advice_is_not_refused(words: str) -> None:
    assert check_template("notice.en.txt", HEAD + words) == []
    assert check_words(words) == []


def faults(source: str, name: str = "notice.en.txt") -> list[str]:
    return check_template(name, source)


def test_a_template_cannot_name_a_secret() -> None:
    problems = faults(HEAD + "Your new one is {{ password }}, dear {{ account }}")
    assert problems == [
        "unknown variables: password; possible are account, name, when, recipients, network, afterwards, done, "
        "contact, sender, code, incident"
    ]


def test_a_fault_of_the_language_of_templates_is_told_with_its_line() -> None:
    assert faults(HEAD + "{% if account %}\nHello")[0].startswith("line 4: ")
    assert "no loader" in faults(HEAD + "Hello {% include 'notice.de.txt' %}")[0]
    assert "unsafe" in faults(HEAD + "Hello {{ account.__class__.__mro__ }}")[0]
    assert "cannot be rendered" in faults(HEAD + "{{ 1 // 0 }}")[0]


def test_a_template_of_the_old_kind_is_told_what_is_different() -> None:
    assert faults(HEAD + "Dear $account, we saw ${seen}. It costs 5 $.") == [
        "`$account` is no variable; write {{ account }}",
        "`${seen` is no variable; write {{ seen }}",
    ]


def test_a_template_without_a_subject_is_refused() -> None:
    assert "Subject:" in faults("Dear customer {{ account }}")[0]
    assert "nothing after its subject" in faults(HEAD + "\n")[0]
    assert faults("{% if name %}Subject: Hello\n\n{% endif %}Dear {{ account }}") == [
        "the first line must be `Subject: ...`, followed by an empty line"
    ]


def test_a_branch_that_no_sample_takes_is_looked_at_as_well() -> None:
    problems = faults(HEAD + "Hello{% if 'never' in done %} See https://example.org{% endif %}")
    assert problems == ["it contains a link: `ello See https://example.org`"]


def test_a_link_that_is_put_together_is_found() -> None:
    assert "contains a link" in faults(HEAD + "{{ 'https:' ~ '//example.org' }}")[0]


@pytest.mark.parametrize("text", ["", "\n", "x" * (SHORT_LENGTH + 1)])
def test_a_short_text_is_short(text: str) -> None:
    assert "characters" in faults(text, "notice.short.en.txt")[0]
    assert faults("Your account {{ account }} was stopped.", "notice.short.en.txt") == []


@pytest.mark.parametrize("name", ["notice.txt", "notice.english-of-old.txt.txt", "hello.en.txt", "notice.long.en.txt"])
def test_the_name_tells_what_a_template_is_for(name: str) -> None:
    assert faults(HEAD + "Hello", name)[0].startswith("no name of a template; write notice.de.txt, ")


def test_the_default_language_needs_all_texts() -> None:
    assert check_templates({**ALL, "notice.IT.txt": HEAD + "Ciao"}, "it") == [
        "no template in the default language: notice.short.it.txt",
        "no template in the default language: apology.it.txt",
        "no template in the default language: apology.short.it.txt",
    ]


def test_all_faults_of_a_template_are_told_at_once() -> None:
    problems = check_templates({**ALL, "notice.it.txt": "Send your password to {{ thief }} at www.example.org"}, "en")
    assert [problem.split(": ")[1].split(" `")[0] for problem in problems] == [
        "unknown variables",
        "it contains a link",
        "it asks for a password",
    ]
