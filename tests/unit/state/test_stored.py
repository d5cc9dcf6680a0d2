from pathlib import Path

from detector.config import State
from detector.metrics import Metrics
from detector.state.profiles import MemoryProfiles
from detector.state.shared_stored import StoredThere
from detector.state.stored import StoredHere, stored_profiles
from detector.traffic.profile import Profile

USED = Profile(suspicious_day=7)


async def test_profiles_of_one_host_are_read_from_its_file(tmp_path: Path) -> None:
    profiles = MemoryProfiles(tmp_path / "profiles.sqlite", 1.0, 10, Metrics("test"))
    await profiles.update("ann", lambda _: (USED, None))
    profiles.close()
    stored = stored_profiles(State(directory=tmp_path), None)
    assert isinstance(stored, StoredHere)
    assert (stored.read("ann"), stored.read("bob")) == (USED, None)
    assert (list(stored.rows()), stored.accounts()) == ([("ann", USED)], ["ann"])


def test_nothing_was_written_yet(tmp_path: Path) -> None:
    stored = StoredHere(tmp_path / "profiles.sqlite")
    assert (stored.read("ann"), stored.accounts(), stored.written_at()) == (None, [], 0.0)


def test_with_a_url_they_are_elsewhere(tmp_path: Path) -> None:
    assert isinstance(stored_profiles(State(directory=tmp_path, url="valkey://localhost"), None), StoredThere)
