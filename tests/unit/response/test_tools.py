from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from detector.response.providers import Providers
from tests.support.response import Scene


def test_tools_are_not_exchanged_while_they_are_used(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with pytest.raises(FrozenInstanceError):
        scene.tools.providers = Providers()  # type: ignore[misc]
    scene.records.close()
