"""Small stand-ins for what the containment acts with, and incidents to act on."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Event, Lock

from detector.config import NoticeSettings, Response, Retry
from detector.incident.incident import Incident, State
from detector.incident.notice import Notice
from detector.incident.templates import Templates
from detector.metrics import Metrics
from detector.ports import Clock, Contact, Secret
from detector.records.records import Records
from detector.records.telling import OPERATORS_TOLD
from detector.response.hooks import Target
from detector.response.notices import Notices
from detector.response.providers import Providers
from detector.response.template_files import read_templates
from detector.response.tools import Tools
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict
from tests.support.interfaces import check_event
from tests.support.ports import PATIENCE

NOW = 1_700_000_000.0
NOTICE = NoticeSettings(sender="abuse@example.org")
VERDICT = Verdict(
    Action.BLOCK,
    14.25,
    (GroupScore(Group.BULK, 14.25, (Evidence(Group.BULK, "recipients_2h", 480.0, 3.0, 14.25),)),),
    "1",
    "",
)


@cache
def templates() -> Templates:
    """Those that come with the program; to check them all takes a moment."""
    return read_templates(NOTICE)


def incident(incident_id: str = "i-1", account: str = "ann@example.org", trusted: bool = True) -> Incident:
    facts = {"recipients": "480", "client": "192.0.2.77", "mail_from": account}
    return Incident(incident_id, account, trusted, State.OPEN, NOW - 2.0, NOW - 2.0, VERDICT, "t-1", facts)


class Failing:
    """Raises what it is given, one by one; a failure `for_ever` never ends."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.for_ever: Exception | None = None
        self.gate: Event | None = None
        self.entered = Event()
        self._lock = Lock()

    def act(self) -> None:
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(PATIENCE)
        if self.for_ever is not None:
            raise self.for_ever
        with self._lock:
            failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure

    def check(self) -> str:
        return type(self).__name__


class Passwords(Failing):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, str]] = []

    def change_password(self, account: str, password: Secret, request_id: str) -> str:
        self.asked.append((account, password.text, request_id))
        self.act()
        return "set"


class Sessions(Failing):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []

    def end_sessions(self, account: str, request_id: str) -> str:
        self.asked.append((account, request_id))
        self.act()
        return "ended"


class AppPasswords(Failing):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []

    def revoke_app_passwords(self, account: str, request_id: str) -> str:
        self.asked.append((account, request_id))
        self.act()
        return "revoked"


class Queue(Failing):
    """Remembers what it was asked for: the verb, the account and the request."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, str]] = []

    def hold(self, account: str, request_id: str) -> str:
        return self._note("hold", account, request_id)

    def release(self, account: str, request_id: str) -> str:
        return self._note("release", account, request_id)

    def discard(self, account: str, request_id: str) -> str:
        return self._note("discard", account, request_id)

    def _note(self, verb: str, account: str, request_id: str) -> str:
        self.asked.append((verb, account, request_id))
        self.act()
        return f"{verb}: 2 messages"


class Customers(Failing):
    def __init__(self, address: str = "ann@private.example") -> None:
        super().__init__()
        self.address = address

    def contact(self, account: str) -> Contact | None:
        self.act()
        return Contact(account, self.address) if self.address else None


class Letters(Failing):
    """A channel to the customer by e-mail."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Notice, Contact, str]] = []

    def reaches(self, contact: Contact) -> bool:
        return bool(contact.address)

    def send(self, notice: Notice, contact: Contact, request_id: str) -> str:
        self.act()
        self.sent.append((notice, contact, request_id))
        return "sent"


class Ear(Failing):
    """A hook that remembers what it heard; a strict one hears nothing but what is documented."""

    def __init__(self, name: str = "desk") -> None:
        super().__init__()
        self.name = name
        self.heard: list[tuple[dict[str, object], str]] = []
        self.strict = True

    def deliver(self, event: dict[str, object], request_id: str) -> str:
        self.act()
        if self.strict:
            check_event(event)
        self.heard.append((event, request_id))
        return "told"

    @property
    def kinds(self) -> list[object]:
        return [event["event"] for event, _ in self.heard]


class Scene:
    """Records, stand-ins and metrics of one test."""

    def __init__(self, directory: Path, settings: Response | None = None, clock: Clock = lambda: NOW) -> None:
        self.directory = directory
        self.records = Records(f"sqlite:///{directory / 'records.sqlite'}")
        self.settings = settings or Response(retry=Retry(attempts=3, first_wait=0.01))
        self.clock = clock
        self.metrics = Metrics("test")
        self.passwords, self.sessions, self.customers, self.letters = Passwords(), Sessions(), Customers(), Letters()
        self.app_passwords, self.queue = AppPasswords(), Queue()
        self.ears: tuple[Ear, ...] = (Ear(),)
        self.providers: Callable[[], Providers] = self.all_providers

    @property
    def notices(self) -> Notices:
        return Notices(NOTICE, templates(), self.customers, (self.letters,))

    def all_providers(self) -> Providers:
        hooks = tuple(Target(ear, "account-and-evidence") for ear in self.ears)
        return Providers(
            self.passwords,
            self.sessions,
            self.customers,
            self.notices,
            hooks,
            app_passwords=self.app_passwords,
            queue=self.queue,
        )

    @property
    def tools(self) -> Tools:
        return Tools(self.records, self.providers(), self.settings, self.clock, self.metrics)

    def told(self, incident_id: str = "i-1") -> list[str]:
        """The timeline, without who has heard of it: that comes in between, whenever a hook was told."""
        events = [entry.event for entry in self.records.timeline(incident_id)]
        return [event for event in events if not event.startswith(OPERATORS_TOLD)]

    def detail(self, event: str, incident_id: str = "i-1") -> str:
        """What the timeline says beside an event."""
        return next(entry.detail for entry in self.records.timeline(incident_id) if entry.event == event)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0
