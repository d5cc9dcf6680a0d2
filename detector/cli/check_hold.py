"""Whether there is room for held mail, and whether all of it can be read."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from detector.cli.finding import Finding, hint, ok, problem
from detector.cli.words import counted
from detector.config import Config, ConfigError
from detector.relay.held_files import COMPLETE, HeldFiles
from detector.relay.held_keys import HoldKeys, load_keys
from detector.relay.held_seal import sealed_by


def check_hold(config: Config) -> Iterator[Finding]:
    """Looks and changes nothing: our own key is made by the server when it starts."""
    if not config.hold.messages:
        yield hint("hold.messages", "0: doubtful mail is deferred (451), and stays in the submission server's queue")
    if not config.hold.keys and not config.hold_key.exists():
        yield ok("hold.keys", f"{config.hold_key} is made at the first start; keep a copy of it apart from the backup")
        return
    try:
        keys = load_keys(config)
    except (ConfigError, OSError) as error:
        yield problem("hold.keys", str(error).removeprefix("hold.keys"))
        return
    yield ok(
        "hold.keys", f"new mail is encrypted with key {keys.newest.key_id}, {counted(len(keys.keys), 'key')} in all"
    )
    if config.hold_directory.is_dir():
        yield from _directory(config, HeldFiles(config.hold_directory, keys))


def _directory(config: Config, files: HeldFiles) -> Iterator[Finding]:
    free = files.free_bytes
    if free < config.hold.free_bytes:
        text = f"only {free} octets are free, less than hold.free_bytes: doubtful mail is answered 452. Make room"
        yield problem("hold.directory", text)
    try:
        unknown = _unknown_keys(files.directory, files.keys)
    except OSError as error:
        yield problem("hold.directory", f"{files.directory} cannot be read: {error.strerror}")
        return
    for key_id, number in sorted(unknown.items()):
        messages = counted(number, "held message needs", "held messages need")
        yield problem(
            "hold.keys", f"{messages} key {key_id or '(damaged)'}, which is not here: add the key of that time"
        )


def _unknown_keys(directory: Path, keys: HoldKeys) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in directory.glob(f"*{COMPLETE}"):
        with path.open("rb") as file:
            key_id = sealed_by(file)
        if keys.get(key_id) is None:
            found[key_id] += 1
    return found
