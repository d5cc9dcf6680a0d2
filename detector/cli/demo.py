"""`detector demo`: the whole job with real SMTP on loopback, in about a minute."""

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from detector.cli.demo_past import live, new_key, store
from detector.cli.demo_play import Play
from detector.cli.demo_result import Result, alerts, collect
from detector.cli.demo_sink import Sink
from detector.cli.demo_stage import Stage
from detector.cli.demo_submission import Fate, Submission
from detector.cli.demo_table import Board
from detector.cli.demo_world import CUSTOMERS, VICTIM, Thief
from detector.cli.office import clock
from detector.config import load
from detector.incident.incident import State
from detector.models import load_prior
from detector.records.records import Records
from detector.verdict.policy import Policy

ORDINARY_TIME = 18.0
STOPPED_WITHIN = 60.0
AFTERWARDS = 8.0
DELIVERED_WITHIN = 30.0
LOOK_EVERY = 0.25


def play(plain: bool, keep: bool) -> Result:
    """Play it all. Raises `StageError` when the detector does not run."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the detector would outlive us
    with _directory(keep) as directory, Sink() as sink:
        stage = Stage(directory, sink.port)
        numbers = _give_them_a_past(stage)
        submission = Submission(stage.relay_port, stage.policy_port, clock)
        print("Starting the detector. Eight customers have three ordinary weeks behind them.", flush=True)
        with stage, _records(stage) as records:
            with Board(submission, clock, plain) as board, Play(submission, numbers) as troupe:
                return Director(stage, submission, sink, records, board).direct(troupe)


class Director:
    """Leads through the acts, and looks at what happens."""

    def __init__(self, stage: Stage, submission: Submission, sink: Sink, records: Records, board: Board) -> None:
        self._stage = stage
        self._submission = submission
        self._sink = sink
        self._records = records
        self._board = board
        self._told: set[str] = set()

    def direct(self, troupe: Play) -> Result:
        name = VICTIM.account.partition("@")[0]
        password = self._stage.password_entry(VICTIM.account)
        self._board.act("Eight customers send ordinary mail.")
        self._watch(ORDINARY_TIME)
        thief = Thief()
        self._board.act(f"Somebody else knows the password of {name} now.")
        self._board.tell(f"the thief begins, from {thief.clients[0]} and other places")
        troupe.let_the_thief_in(thief)
        self._watch(STOPPED_WITHIN, until_contained=True)
        self._board.act(f"{name} is contained. Everybody goes on, the thief too.")
        self._watch(AFTERWARDS)
        troupe.send_everybody_home()
        self._board.act("The last mail is delivered.")
        self._watch(DELIVERED_WITHIN, until_delivered=True)
        self._board.end()
        return collect(self._stage, self._submission, self._sink, self._records, password)

    def _watch(self, seconds: float, until_contained: bool = False, until_delivered: bool = False) -> None:
        ends_at = clock() + seconds
        while clock() < ends_at:
            for event in self._stage.new_events():
                self._notice(event)
            self._board.refresh()
            if (until_contained and self._contained()) or (until_delivered and self._delivered()):
                return
            time.sleep(LOOK_EVERY)

    def _notice(self, event: dict[str, Any]) -> None:
        account = str(event.get("account", ""))
        match event["event"]:
            case "verdict":
                self._board.judged({account: (event["action"], event["score"])})
                if event["action"] == "pace":
                    self._tell_once(f"{account.partition('@')[0]}: its recipient window is full, the rest must wait")
            case "incident_opened":
                self._tell_once(f"VERDICT: {account} is taken over (score {event['score']}); blocked")
            case "step_done":
                self._tell_once(f"{event['step'].replace('_', ' ')}: {event['result']}")

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._board.tell(text)

    def _contained(self) -> bool:
        told = any(alert["event"] == "incident.contained" for alert in alerts(self._stage))
        return told and bool(self._records.incidents(State.CONTAINED, VICTIM.account))

    def _delivered(self) -> bool:
        """Nothing of an honest customer waits any more."""
        others = [customer.account for customer in CUSTOMERS if customer is not VICTIM]
        waiting = {Fate.WAITING, Fate.PACED, Fate.HELD, Fate.STOPPED}
        return not any(waiting & self._submission.fates(account).keys() for account in others)


@contextmanager
def _directory(keep: bool) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="detector-demo-"))
    try:
        yield directory
    finally:
        if keep:
            print(f"Everything is kept in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _records(stage: Stage) -> Iterator[Records]:
    records = Records(load(stage.config).records_url)
    try:
        yield records
    finally:
        records.close()


def _give_them_a_past(stage: Stage) -> dict[str, int]:
    """How many messages each account has sent in it."""
    key, now = new_key(), clock()
    prior, model_version = load_prior()
    policy = Policy(key, prior, model_version, **load(stage.config).judging.model_dump())
    lives = {customer.account: live(customer, policy, now) for customer in CUSTOMERS}
    store([(account, profile) for account, (profile, _) in lives.items()], stage.state, key)
    return {account: number for account, (_, number) in lives.items()}
