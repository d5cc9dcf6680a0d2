from detector.response.tools import in_figures
from tests.support.response import VERDICT


def test_evidence_is_told_in_figures() -> None:
    assert in_figures(VERDICT) == ["bulk: recipients_1h 480, usual 3 (+14.2 nats)"]
