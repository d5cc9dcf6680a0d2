"""What commands have in common."""

from detector.cli.options import examples, folded
from detector.ports import SessionFacts
from detector.relay.identity import EnvelopeSender


def test_examples_stand_one_below_the_other() -> None:
    assert examples("detector check") == "\b\nExample:\n  detector check"
    assert examples("a", "b").splitlines()[1:] == ["Examples:", "  a", "  b"]


async def test_an_account_is_folded_as_the_relay_folds_it() -> None:
    for typed in ("SUE@Example.NET", " ann", "Übung@example.org"):
        identity = await EnvelopeSender().identify(SessionFacts("192.0.2.1", {}, {}, typed, ""))
        assert identity is not None
        assert folded(typed) == identity.account
