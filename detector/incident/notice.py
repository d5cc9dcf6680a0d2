"""The notice to the customer: rendered from a template that may not ask for a password and may not carry a link."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from string import Template

from detector.incident.incident import Incident

# string.Template and not Jinja2: a notice needs words put in, nothing else, and a template without expressions cannot
# reach anything that it was not given.
DEFAULT_TEMPLATE = """\
Subject: Your account $account can send no mail at the moment

Dear customer,

on $when our outgoing mail servers
stopped your account

    $account

because it sent mail in a way that it never did before. This is what
it looks like when somebody else has learned the password of an
account and sends bulk mail with it.

What we saw
$seen

What we did
$done

What we ask of you
    1. Scan every computer and telephone that knows the old password
       with an up-to-date anti-virus program, and remove what it
       finds. Please do this first: malware on a device would learn
       the next password as well.
    2. After that, set a new password in the way that you know from
       your contract with us. Use it nowhere else.
    3. Look through the forwarding rules, filters and signatures of
       your mailbox, and remove those that are not yours.

$contact

We will never ask you for your password, and this message contains
no link on purpose.

Case number: $incident
"""

VARIABLES = ("account", "when", "seen", "recipients", "network", "done", "contact", "incident")
"""What a template may name. There is no variable for a password, because nothing here knows one."""

UNKNOWN = "not known"
LABELS = {"recipients": "Recipients", "network": "Sent from the network"}
SUBJECT = re.compile(r"\ASubject: *(\S[^\n]*)\n\s*\n")
GAP = re.compile(r"\n(?:[ \t]*\n){2,}")
# What mail programs make a link of: a scheme, an anchor, an address with a path (not a network like 192.0.2.0/24), and
# any host name that is not part of an e-mail address.
LINK = re.compile(
    r"(?i)\b[a-z][a-z0-9+.-]*://|\bmailto:|\bwww\.|<a\s[^>]*\bhref\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?/(?!\d{1,2}\b)\S"
    r"|(?<![\w@./-])(?:[\w-]+\.)+[^\W\d_]{2,}(?![\w-])(?![\w.+-]*@)"
)
PASSWORD = re.compile(
    r"(?i)pa(?:ss|ß)(?:word|code|phrase|wor[dt])|kennwort|mot de passe|contraseña|credentials|login details"
)
VERB = (
    r"(?:send|reply|respond|answer|tell|give|enter|type|confirm|verify|provide|submit|supply|share|let us know"
    r"|(?:e-?)?mail (?:us|me|it|your)|write (?:us|me)"
    r"|senden|schicken|schreiben|antworten|nennen|geben|angeben|teilen|mitteilen|mitzuteilen|eingeben|bestätigen"
    r"|envoyer|envoyez|répondre|répondez|confirmer|confirmez|envíe|enviar|responda|confirme|confirmar)\b"
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


@dataclass(frozen=True, slots=True)
class Notice:
    """A finished text for the customer of one incident."""

    incident_id: str
    account: str
    subject: str
    body: str


def check_template(text: str) -> list[str]:
    """What is wrong with a template, in sentences for the operator; empty when it may be used.

    Customers are never to be asked for a password by mail, and a mail about a stolen password that carries a link is
    what thieves send.
    """
    template = Template(text)
    if not template.is_valid():
        return ["a `$` is neither followed by a variable nor doubled as `$$`"]
    problems = []
    if not SUBJECT.match(text):
        problems.append("the first line must be `Subject: ...`, followed by an empty line")
    unknown = sorted(set(template.get_identifiers()) - set(VARIABLES))
    if unknown:
        problems.append(f"unknown variables: {', '.join(unknown)}; possible are {', '.join(VARIABLES)}")
    return problems + check_words(text)


def check_words(text: str) -> list[str]:
    """Links, and sentences that ask for a password, in any text that becomes part of a notice."""
    problems = [f"it contains a link: `{_around(text, match)}`" for match in LINK.finditer(text)]
    asking = [
        sentence
        for sentence in re.split(r"[.!?;]\s|\n\s*\n", text)
        if PASSWORD.search(sentence) and ASKING.search(NOT_ASKING.sub("", sentence))
    ]
    return problems + [f"it asks for a password: `{' '.join(sentence.split())}`" for sentence in asking]


def render(template: str, incident: Incident, done: Sequence[str], contact: str = "") -> Notice:
    """Put the facts of an incident into a template that `check_template` accepts.

    `done` are sentences on what was done; `contact` tells how the customer reaches people, and leaves no gap when it
    is empty. Of the client's address only
    the network is told: a customer can recognise the own one, and a thief who reads along learns nothing new.
    """
    seen = {
        "recipients": _one_line(incident.facts.get("recipients", UNKNOWN)),
        "network": network_of(incident.facts.get("client", "")),
    }
    lines = [f"    {LABELS[name]}: {value}" for name, value in seen.items() if value != UNKNOWN]
    text = Template(template).substitute(
        seen,
        seen="\n".join(lines) or "    Nothing that could be told here.",
        account=_one_line(incident.account),
        when=datetime.fromtimestamp(incident.opened_at, UTC).strftime("%d %B %Y at %H:%M UTC"),
        done="\n".join(f"    - {sentence}" for sentence in done),
        contact=contact,
        incident=incident.incident_id,
    )
    if not contact:
        text = GAP.sub("\n\n", text)
    head = SUBJECT.match(text)
    if head is None:
        msg = "a template without a subject was not refused at start"
        raise ValueError(msg)
    return Notice(incident.incident_id, incident.account, head.group(1).strip(), text[head.end() :])


def network_of(address: str) -> str:
    """The /24 or /48 around an address, for people.

    >>> network_of("192.0.2.77")
    '192.0.2.0/24'
    >>> network_of("2001:db8:1:2::3")
    '2001:db8:1::/48'
    """
    try:
        parsed = ip_address(address.strip("[]").removeprefix("IPv6:"))
    except ValueError:
        return UNKNOWN
    network: IPv4Network | IPv6Network = ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False)
    return str(network)


def _one_line(text: str) -> str:
    """An account is what a client typed: a line break in it must not write lines of the notice."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _around(text: str, match: re.Match[str]) -> str:
    return " ".join(text[max(0, match.start() - 10) : match.end() + 20].split())
