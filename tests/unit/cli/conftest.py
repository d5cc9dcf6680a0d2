"""An operator at the keyboard: a configuration, real SQLite files, and commands with their output."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from detector.cli.main import app
from detector.cli.office import clock
from detector.incident.incident import Incident, State
from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.metrics import Metrics
from detector.models import load_prior
from detector.records.records import Records
from detector.state.profiles import MemoryProfiles
from detector.traffic.profile import Profile
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict

ANN = "ann@example.org"
FACTS = {"client": "192.0.2.77", "recipients": "about 480 within 24 hours"}
VERDICT = Verdict(
    Action.BLOCK,
    12.0,
    (
        GroupScore(Group.BULK, 6.0, (Evidence(Group.BULK, "recipients_24h", 480.0, 3.0, 6.0),)),
        GroupScore(Group.FEEDBACK, -0.7, ()),
        GroupScore(Group.CLIENT, 1.0, (Evidence(Group.CLIENT, "unseen_client", 1.0, 0.0, 1.0),)),
        GroupScore(Group.TEXT, 3.0, (Evidence(Group.TEXT, "reads_like_abuse", 0.5, 500.0, 3.0),)),
        GroupScore(Group.CAMPAIGN, 2.7, (Evidence(Group.CAMPAIGN, "accomplices", 1.8, 0.0, 2.7),)),
    ),
    "1",
    "",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has printed, and how it ended."""

    status: int
    output: str
    complaint: str


@dataclass(slots=True)
class Keyboard:
    """Runs commands on the files of one directory."""

    directory: Path
    now: float

    @property
    def config(self) -> Path:
        return self.directory / "detector.toml"

    def type(self, *words: str, typed: str = "") -> Answer:
        """Run a command; `typed` is its standard input."""
        result = CliRunner().invoke(app, [*words, "--config", str(self.config), "--actor", "olga"], input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    def read(self, *words: str) -> Any:
        """The JSON that a command prints."""
        answer = self.type(*words, "--json")
        assert answer.status == 0, answer
        return json.loads(answer.output)

    def records(self) -> Records:
        return Records(f"sqlite:///{self.directory / 'state' / 'records.sqlite'}")

    def open_incident(
        self, incident_id: str = "3f2a9c01d4e5f607", account: str = ANN, facts: dict[str, str] = FACTS
    ) -> Incident:
        incident = Incident(
            incident_id, account, True, State.OPEN, self.now - 60.0, self.now - 60.0, VERDICT, "t-1", facts
        )
        records = self.records()
        try:
            return records.open_incident(incident)
        finally:
            records.close()

    def tell_step(self, result: str, step: str = "change_password", incident_id: str = "3f2a9c01d4e5f607") -> None:
        """What came of a step of the containment, as a server writes it into the timeline."""
        records = self.records()
        try:
            records.record_step(incident_id, step, result, self.now)
        finally:
            records.close()

    def let_send(self, account: str, recipients: int, client: str = "192.0.2.7") -> Transaction:
        """Judge a message of the account a minute ago, and store the profile as a server does."""
        prior, model_version = load_prior()
        policy = Policy(b"key", prior, model_version)
        transaction = Transaction(
            transaction_id="t-1",
            message_key="m-1",
            identity=Identity(account, "policy-service", trusted=True),
            client=client,
            helo="pc.example",
            mail_from=Address.parse(account),
            recipients=tuple(
                Recipient(Address.parse(f"r{i}@example.net"), RecipientStatus.ACCEPTED) for i in range(recipients)
            ),
            stream=Stream.PERSONAL,
            received_at=self.now - 60.0,
        )
        profile, _ = judge(Profile(), transaction, self.now - 60.0, policy)
        path = self.directory / "state" / "profiles.sqlite"

        async def store() -> None:
            profiles = MemoryProfiles(path, 1.0, 100, Metrics("test"))
            await profiles.update(account, lambda _: (profile, None))
            profiles.close()

        asyncio.run(store())
        return transaction


@pytest.fixture
def keyboard(tmp_path: Path) -> Keyboard:
    state = tmp_path / "state"
    state.mkdir()
    (tmp_path / "detector.toml").write_text(f'[state]\ndirectory = "{state}"\n', "utf-8")
    keyboard = Keyboard(tmp_path, clock())
    keyboard.records().close()
    return keyboard
