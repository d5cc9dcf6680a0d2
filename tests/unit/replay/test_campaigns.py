"""Campaigns in one replay; tests/contracts/test_campaign_store.py asks the rest."""

from detector.replay.campaigns import Campaigns

NOW = 1.7e9


def test_a_replay_remembers_no_more_keys_than_it_may() -> None:
    campaigns = Campaigns(b"key", most=30)
    for number in range(100):
        campaigns.notice([number], "ann", True, NOW + number)
    known = [campaigns.suspicious_others([number], "bob", NOW + 100.0) > 0.0 for number in range(100)]
    assert 10 <= sum(known) <= 30
    assert all(known[-10:])
