"""An engine with the shipped model, and mail to replay."""

import pytest

from detector.models import load_prior
from detector.verdict.policy import Policy


@pytest.fixture(scope="session")
def policy() -> Policy:
    prior, model_version = load_prior()
    return Policy(b"key", prior, model_version)
