"""What commands have in common."""

from detector.cli.options import examples


def test_examples_stand_one_below_the_other() -> None:
    assert examples("detector check") == "\b\nExample:\n  detector check"
    assert examples("a", "b").splitlines()[1:] == ["Examples:", "  a", "  b"]
