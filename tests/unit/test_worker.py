"""What one of several workers may use. (What it does: tests/e2e/test_workers.py.)"""

from detector.config import parse
from detector.worker import share_of


def test_each_worker_has_its_share_of_what_all_may_use_and_never_nothing() -> None:
    config = parse("next_hop.connections = 10\nstate.accounts = 2\nrelay.limits.connections = 50")
    share = share_of(config, 4)
    assert (share.next_hop.connections, share.state.accounts) == (3, 1)
    assert share.relay == config.relay
    assert share_of(config, 1) == config
