"""A policy with the shipped prior."""

import pytest

from detector.models import load_prior
from detector.verdict.policy import Policy


@pytest.fixture(scope="session")
def policy() -> Policy:
    prior, model_version = load_prior()
    return Policy(recipient_key=b"a key of the tests", priors=prior, model_version=model_version)
