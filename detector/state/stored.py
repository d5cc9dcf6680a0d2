"""Profiles as they are stored, for people and programs beside the server, which may run meanwhile."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from detector.config import State
from detector.ports import Secret
from detector.state.profiles import list_accounts, read_profile, read_profiles
from detector.traffic.profile import Profile


class StoredProfiles(Protocol):
    """All methods raise `Temporary`."""

    def read(self, account: str) -> Profile | None:
        """None: no mail of it was seen. Raises `Refused` for a damaged one."""

    def rows(self) -> Iterator[tuple[str, Profile]]:
        """All accounts; a damaged profile comes as an empty one."""

    def accounts(self) -> list[str]:
        """All accounts, sorted."""

    def written_at(self) -> float | None:
        """When they were stored last, in Unix seconds; None where each change is stored at once."""


class StoredHere:
    """In a file, which a running server writes every `state.write_every` seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, account: str) -> Profile | None:
        return read_profile(self._path, account)

    def rows(self) -> Iterator[tuple[str, Profile]]:
        return read_profiles(self._path)

    def accounts(self) -> list[str]:
        return list_accounts(self._path)

    def written_at(self) -> float | None:
        return max(self._times(), default=0.0)

    def _times(self) -> Iterator[float]:
        """When SQLite last wrote: new rows stand in the -wal file until they are moved."""
        for part in (self._path, self._path.with_name(f"{self._path.name}-wal")):
            with suppress(FileNotFoundError):
                yield part.stat().st_mtime


def stored_profiles(state: State, secret: Secret | None) -> StoredProfiles:
    """Where the configuration has them; `secret` is the password of `state.url`. Raises `ConfigError`."""
    if not state.url:
        return StoredHere(state.directory / "profiles.sqlite")
    from detector.state.shared_stored import StoredThere  # its client takes a moment to load, and few need it

    return StoredThere(state, secret)
