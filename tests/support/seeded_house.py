"""A house in which something has happened: an operator's commands find what they ask for. No server runs in it."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from detector.cli.office import clock
from detector.config import Config, load
from detector.incident.incident import Event, Incident, State
from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.metrics import Metrics
from detector.models import load_prior
from detector.records.entries import Exemption, Offer
from detector.records.records import Records
from detector.relay.held_files import HeldFiles
from detector.relay.held_keys import load_keys
from detector.state.profiles import MemoryProfiles
from detector.traffic.cohort import Cohort
from detector.traffic.profile import Profile
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict
from tests.support.certificates import make_certificate
from tests.support.held_house import a_held_message

ANN, BEN, CLUB, SHOP, BARE = "ann@example.org", "ben@example.org", "club@example.org", "shop@example.org", "kimberly"
INCIDENT, OLD_INCIDENT, WAITING_INCIDENT = "3f2a9c01d4e5f607", "77aa0b1c2d3e4f50", "91bb0b1c2d3e4f50"
HELD = "3f2ab7c0d1e2f304"
FINGERPRINT = "00c5d2f8a1b37e44"
CODE = "ABCDE-FGHJK-MNPQR"
CLIENT = "192.0.2.77"
STRANGER = "bob@strangers.example"
PANEL_SECRET, CHAT_SECRET = "panel-s3cret-0123456789", "chat-s3cret-9876543210"
CONTENT = b"Subject: summer fair\r\n\r\nbring cake\r\n"
VERDICT = Verdict(
    Action.BLOCK,
    12.0,
    (
        GroupScore(Group.BULK, 7.0, (Evidence(Group.BULK, "recipients_24h", 480.0, 3.0, 7.0),)),
        GroupScore(Group.CLIENT, 5.0, (Evidence(Group.CLIENT, "unseen_client", 1.0, 0.0, 5.0),)),
    ),
    "1",
    "",
)

CONFIGURATION = """
observe = false
[relay]
hostname = "hop.provider.example"
listen = ["203.0.113.10:25"]
clients = ["203.0.113.0/24", "127.0.0.0/8"]
[relay.tls]
mode = "may"
certificate = "{directory}/hop.provider.example.pem"
key = "{directory}/hop.provider.example.key"
[next_hop]
servers = ["mx-out.provider.example:25"]
[policy_service]
clients = ["203.0.113.0/24", "127.0.0.0/8"]
[state]
directory = "{directory}/state"
[feedback]
listen = ["203.0.113.10:10027"]
addresses = ["abuse-reports@hop.provider.example"]
[operators]
admin = ["root", "admiral"]
[metrics]
listen = "127.0.0.1:{port}"
[response]
self_release = true
[response.password]
provider = "command"
argv = ["/bin/cat", "--", "-"]
[[response.hooks]]
name = "chat"
[response.hooks.action]
provider = "http"
url = "https://chat.provider.example/hooks/T0/B0"
secret = {{ file = "{directory}/chat.key" }}
[response.app_passwords]
provider = "http"
url = "https://panel.provider.example/"
secret = {{ environment = "PANEL_KEY" }}
"""


@dataclass(frozen=True, slots=True)
class SeededHouse:
    """A directory with a configuration and a state directory, as a server leaves them."""

    directory: Path

    @property
    def path(self) -> Path:
        return self.directory / "detector.toml"

    @property
    def config(self) -> Config:
        return load(self.path)

    @contextmanager
    def records(self) -> Iterator[Records]:
        records = Records(f"sqlite:///{self.directory}/state/records.sqlite")
        try:
            yield records
        finally:
            records.close()

    def copy(self, directory: Path, port: int = 9) -> "SeededHouse":
        """The same house at another place; its server, if there is one, has its health page on that port."""
        shutil.copytree(self.directory, directory)
        (directory / "detector.toml").write_text(CONFIGURATION.format(directory=directory, port=port), "utf-8")
        return SeededHouse(directory)


def seeded_house(directory: Path, port: int = 9) -> SeededHouse:
    """Make it; it takes about a second."""
    state, now = directory / "state", clock()
    state.mkdir(mode=0o700, parents=True)
    make_certificate(directory, "hop.provider.example")
    for name, content in {
        "chat.key": CHAT_SECRET.encode(),
        "state/recipient.key": b"r" * 32,
        "state/tag.key": b"t" * 32,
    }.items():
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o600)
    (directory / "hop.provider.example.key").chmod(0o600)
    (directory / "detector.toml").write_text(CONFIGURATION.format(directory=directory, port=port), "utf-8")
    house = SeededHouse(directory)
    asyncio.run(_profiles(state / "profiles.sqlite", now))
    with house.records() as records:
        _incidents(records, now)
        _decisions(records, now)
        _held(house, records, now)
    return house


def _incidents(records: Records, now: float) -> None:
    """Ann: contained now, and confirmed half a year ago. Ben: waits for a person."""
    facts = {"client": CLIENT, "recipients": "about 480 within 24 hours"}
    old, then = Incident(OLD_INCIDENT, ANN, True, State.OPEN, 0.0, 0.0, VERDICT, "t-0", facts), now - 180 * 86_400.0
    records.open_incident(replace(old, opened_at=then, changed_at=then))
    for event in (Event.STEPS_DONE, Event.CONFIRM, Event.RELEASE):
        records.apply(OLD_INCIDENT, event, then + 60.0, "olga", "malware found")
    for incident_id, account in ((INCIDENT, ANN), (WAITING_INCIDENT, BEN)):
        records.open_incident(
            replace(old, incident_id=incident_id, account=account, opened_at=now - 60.0, changed_at=now)
        )
    records.record_step(INCIDENT, "change_password", "done", now - 30.0)
    records.offer_self_release(INCIDENT, Offer(ANN, now - 20.0, "salt", CODE))
    records.record_step(INCIDENT, "notify_customer", "done", now - 20.0)
    records.apply(INCIDENT, Event.STEPS_DONE, now - 10.0, "detector")
    records.apply(WAITING_INCIDENT, Event.APPROVAL_NEEDED, now - 30.0, "detector", "too many this hour")


def _decisions(records: Records, now: float) -> None:
    records.exempt(Exemption(CLUB, None, "olga", "monthly letter", None, 2000), now - 50.0)
    records.assign_cohort(SHOP, Cohort.APPLICATION, "olga", now - 40.0)
    records.note_verdicts(
        [(_transaction(ANN, 9, now - 70.0), structs.replace(VERDICT, action=Action.HOLD))], now - 70.0
    )
    records.audit("olga", "look at account", ANN, now - 20.0)


def _held(house: SeededHouse, records: Records, now: float) -> None:
    """Of Ann, with the incident; a second one with the same text."""
    config = house.config
    config.hold_directory.mkdir(mode=0o700)
    (config.hold_directory / "id").write_text("spool-1", "ascii")
    files = HeldFiles(config.hold_directory, load_keys(config))
    for message_id in (HELD, "51ccb7c0d1e2f304"):
        writer = files.create(message_id)
        writer.write(CONTENT)
        writer.commit()
        told = {"incident_id": INCIDENT, "fingerprint": FINGERPRINT, "held_at": now - 90.0, "changed_at": now - 90.0}
        message = a_held_message(message_id, key_id=load_keys(config).newest.key_id, **told)
        records.put_held(message)


async def _profiles(path: Path, now: float) -> None:
    prior, version = load_prior()
    policy = Policy(b"key", prior, version)
    profiles = MemoryProfiles(path, 1.0, 100, Metrics("test"))
    for account in (ANN, BEN, CLUB, SHOP, BARE):
        profile, _ = judge(Profile(), _transaction(account, 3, now - 60.0), now - 60.0, policy)
        await profiles.update(account, lambda _, learned=profile: (learned, None))  # type: ignore[misc]
    profiles.close()


def _transaction(account: str, recipients: int, at: float) -> Transaction:
    return Transaction(
        transaction_id="t-1",
        message_key="m-1",
        identity=Identity(account, "policy-service", trusted=True),
        client=CLIENT,
        helo="pc.customers.example",
        mail_from=Address.parse(account if "@" in account else f"{account}@example.org"),
        recipients=tuple(
            Recipient(Address.parse(f"r{number}.{STRANGER}"), RecipientStatus.ACCEPTED) for number in range(recipients)
        ),
        stream=Stream.PERSONAL,
        received_at=at,
    )
