"""What the profiles of a server say about honest accounts, and what people have decided."""

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from detector.cli.calibrate_live import opinions_of, told, watch_live
from detector.cli.calibrate_result import Budgets, Known, Watch, calibrate
from detector.cli.office import Office, opened
from detector.config import Judging
from detector.incident.incident import Event
from detector.metrics import Metrics
from detector.records.records import Exemption
from detector.replay.maxima import Watched
from detector.state.profiles import MemoryProfiles
from detector.traffic.counters import Counters
from detector.traffic.profile import Profile
from detector.verdict.verdict import Action, Group, GroupScore, Verdict
from tests.unit.cli.conftest import ANN, Keyboard

DAY = 86_400.0
BOB = "bob@example.net"


def store(keyboard: Keyboard, profiles: dict[str, Profile]) -> None:
    """As a server writes them."""

    async def write() -> None:
        stored = MemoryProfiles(keyboard.directory / "state" / "profiles.sqlite", 1.0, 10_000, Metrics("test"))
        for account, profile in profiles.items():
            await stored.update(account, lambda _, profile=profile: (profile, None))  # type: ignore[misc]
        stored.close()

    asyncio.run(write())


def profile(keyboard: Keyboard, days: float = 60.0, highest: float = 2.0, blockable: float = 1.0) -> Profile:
    """An account that was seen for so many days until a minute ago."""
    return Profile(
        counters=Counters(updated_at=keyboard.now - 60.0),
        first_seen=keyboard.now - 60.0 - days * DAY,
        highest_score=highest,
        highest_blockable=blockable,
    )


@pytest.fixture
def office(keyboard: Keyboard) -> Iterator[Office]:
    with opened(keyboard.config, "olga") as place:
        yield place


def watched(office: Office, known: Known | None = None) -> dict[str, Watched]:
    return {one.account: one for one in watch_live(office, known or Known()).accounts}


def decide(office: Office, keyboard: Keyboard, *events: Event, incident_id: str = "1", account: str = ANN) -> None:
    keyboard.open_incident(incident_id, account)
    for event in events:
        office.records.apply(incident_id, event, keyboard.now, "olga")


def test_an_account_is_counted_from_the_day_on_which_its_scores_are(keyboard: Keyboard, office: Office) -> None:
    store(keyboard, {ANN: profile(keyboard, days=59.0, highest=5.0, blockable=3.0), BOB: profile(keyboard, days=9.0)})
    found = watched(office)
    assert (found[ANN].highest, found[ANN].blockable, found[ANN].peak) == (5.0, 3.0, None)
    assert found[ANN].months == pytest.approx(1.5)  # without its first 14 days
    assert found[BOB].months == pytest.approx(1 / 30)


def test_who_never_sent_or_was_taken_over_or_is_exempt_is_left_out(keyboard: Keyboard, office: Office) -> None:
    store(keyboard, {name: profile(keyboard) for name in (ANN, BOB, "shop", "old", "eve")})
    store(keyboard, {"none": Profile(), "old": replace(profile(keyboard), first_seen=0.0)})
    office.records.exempt(Exemption("shop", None, "olga", "sale", 100, 500), keyboard.now)
    office.records.exempt(Exemption(BOB, keyboard.now - 5.0, "olga", "is over"), keyboard.now)
    decide(office, keyboard, Event.CONFIRM)
    watch = watch_live(office, Known(taken_over=["eve", "nobody"]))
    assert [one.account for one in watch.accounts] == [BOB]
    assert dict(watch.left_out) == {
        "an incident was confirmed": 1,
        "exempt": 1,
        "not known since when": 1,
        "taken over, as you said": 1,
    }
    assert list(watch.notes) == [
        "The first 14 days of each account only teach what is usual.",
        "No mail of nobody is counted here.",
    ]


def test_a_confirmed_account_stays_left_out_after_its_release(keyboard: Keyboard, office: Office) -> None:
    decide(office, keyboard, Event.CONFIRM, Event.RELEASE)
    opinions = opinions_of(office.records)
    assert opinions.confirmed == frozenset({ANN})
    assert not opinions.dismissed
    assert not opinions.undecided


def test_a_dismissed_incident_counts_with_its_score_though_the_profile_has_forgotten_it(
    keyboard: Keyboard, office: Office
) -> None:
    store(keyboard, {ANN: profile(keyboard, highest=9.0, blockable=3.0)})
    decide(office, keyboard, Event.DISMISS)
    watch = watch_live(office, Known())
    (ann,) = watch.accounts
    assert (ann.highest, ann.blockable) == (12.0, 12.0)
    assert ann.peak is not None
    assert "480 recipients in 24 hours" in ann.peak.why[0]
    assert watch.explained == {ANN: "dismissed"}


def test_an_incident_that_nobody_has_decided_is_an_open_question(keyboard: Keyboard, office: Office) -> None:
    store(keyboard, {ANN: profile(keyboard), BOB: profile(keyboard)})
    decide(office, keyboard, Event.DISMISS)
    decide(office, keyboard, incident_id="2")
    decide(office, keyboard, Event.STEPS_DONE, incident_id="3", account=BOB)
    watch = watch_live(office, Known(innocent=[BOB]))
    assert set(watch.undecided) == {ANN}
    assert watch.explained == {BOB: "innocent, as you said"}
    assert [one.account for one in watch.accounts] == [ANN, BOB]


def test_when_and_why_come_from_the_suspicious_mail_on_record_and_the_look_is_audited(
    keyboard: Keyboard, office: Office
) -> None:
    transaction = keyboard.let_send(ANN, recipients=3)
    store(keyboard, {ANN: profile(keyboard, blockable=14.0), BOB: profile(keyboard, blockable=13.0)})
    for minute, score in ((1.0, 12.0), (2.0, 14.0), (3.0, 30.0)):
        groups = [GroupScore(Group.BULK, 8.0, ()), GroupScore(Group.CLIENT, score - 8.0, ())]
        verdict = Verdict(Action.BLOCK, score, tuple(groups), "1", "")
        if score == 30.0:  # one group alone blocks nobody
            verdict = replace(verdict, groups=(GroupScore(Group.BULK, 30.0, ()),))
        office.records.note_verdicts([(transaction, verdict)], keyboard.now + 60.0 * minute)
    calibration = calibrate(watch_live(office, Known()), Budgets(0.5, 8.0), Judging())
    ann, bob = told(office, calibration, 9).suspects
    assert (ann.account, ann.at, ann.why) == (ANN, keyboard.now + 120.0, ["bulk +8.0, client +6.0: +14.0 in all"])
    assert (bob.account, bob.at, bob.why) == (BOB, None, [])
    looks = [entry.subject for entry in office.records.audit_log() if entry.action == "look at account"]
    assert looks == [BOB, ANN]


def test_only_those_who_are_shown_are_looked_at(keyboard: Keyboard, office: Office) -> None:
    accounts = [Watched(name, 0.0, DAY, 20.0, 20.0) for name in (ANN, BOB)]
    told(office, calibrate(Watch(accounts, {}, {}), Budgets(0.5, 8.0), Judging()), 1)
    assert [entry.subject for entry in office.records.audit_log()] == [ANN]
