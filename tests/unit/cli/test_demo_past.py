"""Three weeks of a customer leave habits behind and no suspicion."""

from pathlib import Path

import pytest

from detector.cli.demo_past import DAYS, live, new_key, store
from detector.cli.demo_world import CUSTOMERS, Customer
from detector.mail.transaction import Stream
from detector.models import load_prior
from detector.state.profiles import list_accounts, read_profile
from detector.traffic.features import STREAMS
from detector.verdict.policy import Policy
from detector.verdict.weigh import weigh

NOW = 1_795_310_000.0


@pytest.mark.parametrize("customer", CUSTOMERS, ids=lambda customer: customer.account)
def test_a_customer_with_a_past_has_habits_and_nothing_against_it(customer: Customer) -> None:
    prior, model_version = load_prior()
    policy = Policy(new_key(), prior, model_version)
    profile, number = live(customer, policy, NOW)
    assert number == DAYS * customer.a_day
    assert profile.networks.any_usual(NOW)
    assert profile.baseline.days[STREAMS.index(Stream.PERSONAL)] >= DAYS - 1
    assert weigh(profile, NOW, policy).score < 1.0


def test_the_relay_will_find_what_is_stored(tmp_path: Path) -> None:
    prior, model_version = load_prior()
    profile, _ = live(CUSTOMERS[0], Policy(b"key", prior, model_version), NOW)
    store([("ann", profile), ("bob", profile)], tmp_path, b"k" * 32)
    path = tmp_path / "profiles.sqlite"
    assert list_accounts(path) == ["ann", "bob"]
    assert read_profile(path, "bob") == profile
    assert (tmp_path / "recipient.key").read_bytes() == b"k" * 32
    assert (tmp_path / "recipient.key").stat().st_mode & 0o777 == 0o600
