"""The notice's templates: rendered in the customer's language, from texts that `wording` accepts."""

import re
from collections.abc import Mapping

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from detector.incident.notice import Facts, Form, Kind, Notice, values_of

SUBJECT = re.compile(r"\ASubject: *(\S[^\n]*)\n\s*\n")
GAP = re.compile(r"\n(?:[ \t]*\n){2,}")


# Jinja2 and no plain placeholders: a line about which nothing is known must be left out, and where that is the case is
# another place in each language. In the sandbox and without a loader, a template reaches nothing but its variables.
def environment(autoescape: bool = False) -> ImmutableSandboxedEnvironment:
    """Templates in it know no files; what they do not know is an error and not an empty text."""
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


TEXTS = environment()


class Templates:
    """The texts of all kinds, forms and languages."""

    def __init__(self, sources: Mapping[str, str], default: str) -> None:
        """`sources` by `name_of` the template; all that `wording.check_templates` accepts. `default`: a language."""
        self._templates = {name.casefold(): TEXTS.from_string(source) for name, source in sources.items()}
        self._default = default

    def render(self, kind: Kind, language: str, facts: Facts) -> Notice:
        """The notice in the language, in its base language (`de` for `de-AT`), or in the default one."""
        values = values_of(facts)
        spoken = self._spoken(kind, language)
        subject, body = split(self._template(kind, Form.MAIL, spoken).render(values))
        short = self._template(kind, Form.SHORT, spoken).render(values)
        incident = facts.incident
        return Notice(incident.incident_id, incident.account, subject, body, " ".join(short.split()), spoken, kind)

    def check(self) -> str:
        """The languages, for the operator; that the texts may be used was checked before."""
        spoken = {name.split(".")[-2] for name in self._templates}
        return f"texts in {', '.join(sorted(spoken))}; else in {self._default}"

    def _spoken(self, kind: Kind, language: str) -> str:
        """The longest beginning of a language tag for which there is a text (RFC 4647 section 3.4)."""
        parts = language.split("-")
        for count in range(len(parts), 0, -1):
            tag = "-".join(parts[:count])
            if name_of(kind, Form.MAIL, tag).casefold() in self._templates:
                return tag
        return self._default

    def _template(self, kind: Kind, form: Form, language: str) -> Template:
        """That of the language; a short text that nobody translated is told in the default language."""
        own = self._templates.get(name_of(kind, form, language).casefold())
        return own or self._templates[name_of(kind, form, self._default).casefold()]


def name_of(kind: Kind, form: Form, language: str) -> str:
    """The file name of a template.

    >>> name_of(Kind.NOTICE, Form.SHORT, "de")
    'notice.short.de.txt'
    """
    return ".".join([kind.value, *([form.value] if form is Form.SHORT else []), language, "txt"])


def split(text: str) -> tuple[str, str]:
    """Subject and body of a rendered text. Raises `ValueError` without a subject."""
    head = SUBJECT.match(text)
    if head is None:
        msg = "the first line must be `Subject: ...`, followed by an empty line"
        raise ValueError(msg)
    return head.group(1).strip(), GAP.sub("\n\n", text[head.end() :])
