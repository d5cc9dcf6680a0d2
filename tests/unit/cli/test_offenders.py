import pytest

from detector.cli.offenders import Offender, in_words
from detector.incident.strike import Strike
from detector.records.entries import Termination

STRIKES = [Strike("ann", f"i{number}", 100.0 + number) for number in range(3)]
ENDED = Termination("ann", 200.0, "olga", ended=True, reason="third time")
KEPT = Termination("ann", 200.0, "olga", ended=False, reason="new computer")


@pytest.mark.parametrize(
    ("offender", "words"),
    [
        (Offender("ann", [], None, proposed=False), "0 strikes"),
        (Offender("ann", STRIKES[:1], None, proposed=False), "1 strike"),
        (Offender("ann", STRIKES, None, proposed=True), "proposes to end the service; a person decides"),
        (Offender("ann", STRIKES, ENDED, proposed=False), "was ended by olga: third time"),
        (Offender("ann", STRIKES, KEPT, proposed=False), "goes on, as olga decided: new computer"),
        (Offender("ann", STRIKES, KEPT, proposed=True), "proposes to end the service; a person decides"),
    ],
)
def test_each_standing_has_its_words(offender: Offender, words: str) -> None:
    assert in_words(offender).endswith(words)
