"""What a notice must not say: no question for a password, no link, nothing that the program does not know."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes

from detector.incident.incident import Incident, State
from detector.incident.notice import AFTERWARDS, VARIABLES, Facts, Form, Kind, values_of
from detector.incident.templates import TEXTS, name_of, split
from detector.verdict.verdict import Action, Verdict

SHORT_LENGTH = 320
"""Characters: the most that a short text may have with sample data. Gateways cut it into parts of 153 (or 67) each."""

NAME = re.compile(
    rf"({'|'.join(Kind)})(\.{Form.SHORT.value})?\.([a-z]{{2,8}}(?:-[a-z0-9]{{1,8}})*)\.txt", re.IGNORECASE
)
OLD_VARIABLE = re.compile(rf"\$\{{?({'|'.join((*VARIABLES, 'seen'))})\b")

# What mail programs make a link of: a scheme, an anchor, an address with a path (not a network like 192.0.2.0/24), and
# any host name that is not part of an e-mail address.
LINK = re.compile(
    r"(?i)\b[a-z][a-z0-9+.-]*://|\bmailto:|\bwww\.|<a\s[^>]*\bhref\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?/(?!\d{1,2}\b)\S"
    r"|(?<![\w@./-])(?:[\w-]+\.)+[^\W\d_]{2,}(?![\w-])(?![\w.+-]*@)"
)
PASSWORD = re.compile(
    r"(?i)pa(?:ss|ß)(?:word|code|phrase|wor[dt])|kennwort|mot de passe|contraseña|\b(?:su|tu|la) clave"
    r"|code secret|credentials|login details|zugangsdaten|identifiants|credenciales"
)
VERB = (
    r"(?:send|reply|respond|answer|tell|give|enter|type|confirm|verify|provide|submit|supply|share|let us know"
    r"|(?:e-?)?mail (?:us|me|it|your)|write (?:us|me)"
    r"|senden|schicken|schreiben|antworten|nennen|geben|angeben|teilen|mitteilen|mitzuteilen|eingeben|bestätigen"
    r"|übermitteln|verraten"
    r"|(?:envoy|confirm|communiqu|indiqu|donn|entr)(?:er|ez)|répond(?:re|ez)|fourni(?:r|ssez)|saisi(?:r|ssez)"
    r"|transmett(?:re|ez)|écri(?:re|vez)"
    r"|env(?:íe|iar)(?:nos|me)?|resp[oó]nd(?:a|er)(?:nos|me)?|conf[ií]rm(?:e|ar)(?:nos|me)?"
    r"|ind[ií](?:que|car)(?:nos|me)?|facil[ií]t(?:e|ar)(?:nos|me)?|comun[ií](?:que|car)(?:nos|me)?"
    r"|proporci[oó]n(?:e|ar)(?:nos|me)?|escr[ií]b(?:a|ir)(?:nos|me)?|introdu(?:zca|cir)|d[ií]ga(?:nos|me)?"
    r"|decir(?:nos|me)?)\b"
)
NO = r"(?:never|not|nobody|no one|don['\u2019]t|won['\u2019]t|nie|niemals|niemand|nicht|ne|jamais|nunca|no|nadie)"
ASKING = re.compile(rf"(?i)\b{VERB}")
# A negation excuses the verb right behind it ("never send", "will never ask you to send"), and none further on: "do not
# hesitate to send" asks. In German it stands behind the verb, or before "bitten, ... zu".
NOT_ASKING = re.compile(
    rf"(?i)\b(?:{NO}\s+|n['\u2019])(?:(?:will|can|may|must|should)\s+)?(?:(?:be\s+asked|ask(?:\s+you)?)\s+to\s+)?"
    rf"(?:(?:us|uns|nous|nos)\s+)?{VERB}(?:\s+or\s+{VERB})*"
    rf"|\b(?:nie|niemals|niemand)\b[^,]*\bbitten,[^,]*\bzu\s+{VERB}"
    rf"|\b{VERB}\s+Sie(?:\s+\w+){{0,3}}\s+(?:nie|niemals|nicht|niemandem)\b"
)

_NOBODY = Incident(
    incident_id="0123456789abcdef",
    account="ann@example.org",
    trusted=True,
    state=State.OPEN,
    opened_at=1_700_000_000.0,
    changed_at=1_700_000_000.0,
    verdict=Verdict(Action.BLOCK, 0.0, (), "", ""),
    transaction_id="",
    facts={},
)
EVERY_STEP = ("change_password", "revoke_app_passwords", "end_sessions", "hold_queue")
SAMPLES = (
    Facts(
        replace(
            _NOBODY,
            facts={"recipients": "about 480 within 24 hours", "client": "192.0.2.77", AFTERWARDS: "40 bounces"},
        ),
        EVERY_STEP,
        "Ann Sample",
        "Abuse desk",
        "You reach us by telephone",
        "abcd-efgh-jkmn",
    ),
    Facts(_NOBODY),
)
"""What a template is tried with: all is known, and nothing is."""


def check_templates(sources: Mapping[str, str], default: str) -> list[str]:
    """What is wrong with a set of templates, in sentences for the operator; empty when it may be used.

    `sources` are texts by file name. Customers are never to be asked for a password by mail, and a mail about a stolen
    password that carries a link is what thieves send.
    """
    problems = [f"{name}: {problem}" for name, source in sources.items() for problem in check_template(name, source)]
    known = {name.casefold() for name in sources}
    needed = [name_of(kind, form, default) for kind in Kind for form in Form]
    missing = [f"no template in the default language: {name}" for name in needed if name.casefold() not in known]
    return problems + missing


def check_template(name: str, source: str) -> list[str]:
    """What is wrong with one template; its name tells the kind, the form and the language."""
    told = NAME.fullmatch(name)
    if told is None:
        return ["no name of a template; write notice.de.txt, notice.short.de.txt, apology.de.txt, apology.short.de.txt"]
    try:
        tree = TEXTS.parse(source)
    except TemplateSyntaxError as error:
        return [f"line {error.lineno}: {error.message}"]
    problems = _variables(source, tree) or _rendered(source, Form.SHORT if told.group(2) else Form.MAIL)
    # A branch that no sample takes would not be seen in what is rendered.
    literal = " ".join(data.data for data in tree.find_all(nodes.TemplateData))
    return problems + [problem for problem in check_words(literal) if problem not in problems]


def check_words(text: str) -> list[str]:
    """Links, and sentences that ask for a password, in any text that becomes part of a notice."""
    problems = [f"it contains a link: `{_around(text, match)}`" for match in LINK.finditer(text)]
    asking = [
        sentence
        for sentence in re.split(r"[.!?;]\s|\n\s*\n", text)
        if PASSWORD.search(sentence) and ASKING.search(NOT_ASKING.sub("", sentence))
    ]
    return problems + [f"it asks for a password: `{' '.join(sentence.split())}`" for sentence in asking]


def _variables(source: str, tree: nodes.Template) -> list[str]:
    unknown = sorted(meta.find_undeclared_variables(tree) - set(VARIABLES))
    problems = [
        f"`{old.group()}` is no variable; write {{{{ {old.group(1)} }}}}" for old in OLD_VARIABLE.finditer(source)
    ]
    if unknown:
        problems.append(f"unknown variables: {', '.join(unknown)}; possible are {', '.join(VARIABLES)}")
    return problems


def _rendered(source: str, form: Form) -> list[str]:
    try:
        template = TEXTS.from_string(source)
        texts = [template.render(values_of(facts)) for facts in SAMPLES]
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        return [f"it cannot be rendered: {error}"]
    # A dictionary in place of a set, because it keeps its order: what both samples show is told once.
    return list(dict.fromkeys(problem for text in texts for problem in (*_shape(text, form), *check_words(text))))


def _shape(text: str, form: Form) -> Iterator[str]:
    if form is Form.SHORT:
        length = len(" ".join(text.split()))
        if not 0 < length <= SHORT_LENGTH:
            yield f"a short text has {length} characters; 1 to {SHORT_LENGTH} are possible"
        return
    try:
        _, body = split(text)
    except ValueError as error:
        yield str(error)
    else:
        if not body.strip():
            yield "it says nothing after its subject"


def _around(text: str, match: re.Match[str]) -> str:
    return " ".join(text[max(0, match.start() - 10) : match.end() + 20].split())
