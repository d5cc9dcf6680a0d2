"""Whether the shared state is there, is that of this host too, and will keep what it is given."""

from collections.abc import Iterator
from contextlib import suppress

from detector.cli.finding import Finding, hint, ok, problem
from detector.cli.words import counted
from detector.config import Config, ConfigError
from detector.config.database import is_shared
from detector.ports import Temporary
from detector.response.secret import read_secret

ABOUT = "state.url"
FITTING = "volatile-ttl"
"""What a full server should do: drop what expires soonest, which is the least of what we keep there."""

FULL = 0.9
"""The share of its memory from which on we speak of it."""


def check_shared(config: Config) -> Iterator[Finding]:
    """Looks and changes nothing."""
    state = config.state
    if state.place is None:
        return
    from detector.state.shared_stored import StoredThere  # its client takes a moment to load, and few need it

    try:
        there = StoredThere(state, read_secret(state.password) if state.password else None).look()
    except ConfigError as error:
        yield problem(ABOUT, str(error))
        return
    except Temporary as error:
        text = "is it up, does it let this host in, and are the user, state.password and state.ca_file right?"
        yield problem(ABOUT, f"{str(error).removeprefix(f'{ABOUT}: ')}; {text}")
        return
    kind = f"a Cluster of {counted(len(there.servers), 'server')}" if there.clustered else "a server"
    used = sum(server.used_bytes for server in there.servers)
    use = f"in use, with {used / 1e6:.0f} MB" if there.seal else "not used yet"
    yield ok(ABOUT, f"{kind} of version {there.servers[0].version}, {use}")
    yield from _key(config, there.seal)
    if not all(server.saves for server in there.servers):
        yield hint(ABOUT, "it forgets everything when it is restarted: set appendonly yes there")
    policies = {server.when_full for server in there.servers if server.most_bytes}
    if policies - {FITTING}:
        yield hint(ABOUT, f"when it is full: {', '.join(sorted(policies))}; set maxmemory-policy {FITTING} there")
    if any(server.most_bytes and server.used_bytes > FULL * server.most_bytes for server in there.servers):
        text = "it is full, and drops what it is to keep: give it memory, or shorten state.keep_receipts"
        yield hint(ABOUT, f"{text} (deploy/capacity.md)")
    if not (state.place.on_this_host or is_shared(config.records_url)):
        yield hint(
            ABOUT, "hosts that use it have records of their own: they share blocks only by PostgreSQL, records.url"
        )


def _key(config: Config, seal: bytes | None) -> Iterator[Finding]:
    from detector.state.shared_words import seal_of

    path = config.state.directory / "recipient.key"
    with suppress(OSError):  # what is wrong with the directory is told elsewhere
        if seal is not None and not path.exists():
            yield problem(ABOUT, f"{path} is not there: copy it from a host that uses it already")
        elif seal is not None and seal_of(path.read_bytes()) != seal:
            yield problem(ABOUT, f"others that use it have another recipient.key: copy that file of theirs to {path}")
