"""Reads recorded traffic for `detector calibrate`: the highest scores of the accounts, in the time of the record."""

from pathlib import Path

import msgspec

from detector.cli.calibrate_result import TAKEN_OVER, Known, Watch
from detector.cli.options import folded
from detector.cli.replay_run import lines_of, opened, policy_with, progress, shipped_reader
from detector.cli.words import counted
from detector.config import ConfigError, Judging
from detector.replay.boxes import NoBox
from detector.replay.engine import Engine
from detector.replay.events import Event, Submission
from detector.replay.jsonl import transaction_of, written
from detector.replay.log_files import NoLog
from detector.replay.maxima import Maxima
from detector.replay.profiles import Profiles
from detector.traffic.clock import DAY

_decoder = msgspec.json.Decoder(Event)


def watch_record(form: str, files: list[str], warm_up: float, known: Known, judging: Judging) -> Watch:
    """What is in a record after the first `warm_up` days. Raises `ConfigError` for one that cannot be read."""
    maxima, profiles = Maxima(warm_up * DAY), Profiles()
    engine = Engine(policy_with(judging), profiles, shipped_reader(), observe=True)
    try:
        notes = _events(files, maxima, engine) if form == "jsonl" else _transactions(form, files, maxima, engine)
    except (NoLog, NoBox, OSError) as error:
        raise ConfigError(str(error)) from error
    seen = maxima.watched()
    accounts = [one for one in seen if folded(one.account) not in known.taken_over]
    notes += [*_length(maxima, warm_up), *known.unseen([one.account for one in seen])]
    if profiles.forgotten:
        notes.append(f"{counted(profiles.forgotten, 'profile')} had to be forgotten for lack of room.")
    return Watch(accounts, {TAKEN_OVER: len(seen) - len(accounts)}, known.explained, notes)


def _transactions(form: str, files: list[str], maxima: Maxima, engine: Engine) -> list[str]:
    with opened(form, files) as record:
        for transaction, message in record.transactions:
            maxima.add(engine.transact(transaction, message))
    return record.notes()


def _events(files: list[str], maxima: Maxima, engine: Engine) -> list[str]:
    lines = broken = 0
    with progress() as (total, advance):
        total(sum(Path(name).stat().st_size for name in files if name != "-"))
        for line in lines_of(files):
            advance(len(line))
            lines += 1
            try:
                _take(_decoder.decode(line), engine, maxima)
            except (msgspec.MsgspecError, UnicodeError):
                broken += 1
    return [f"{counted(lines, 'line')} read, {broken} broken."]


def _take(event: Event, engine: Engine, maxima: Maxima) -> None:
    if isinstance(event, Submission):
        message = written(event)
        maxima.add(engine.transact(transaction_of(event, message), message))
    else:
        engine.hear(event)


def _length(maxima: Maxima, warm_up: float) -> list[str]:
    if maxima.begins_at is None:
        return ["No mail of a known account is in the record."]
    days = (maxima.ends_at - maxima.begins_at) / DAY
    if days <= warm_up:
        teach = f"the first {warm_up:g} only teach what is usual"
        return [f"The record covers {days:.0f} days, and {teach}: take a longer one, or a shorter --warm-up."]
    return [f"The first {warm_up:g} of {days:.0f} days only teach what is usual."] if warm_up else []
