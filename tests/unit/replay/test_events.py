"""Events as JSON."""

import msgspec
import pytest

from detector.replay.events import Event, Inbound, Submission, Tick


def test_missing_keys_mean_empty_and_unknown_ones_are_passed_over() -> None:
    line = b'{"type":"transaction","id":"t1","time":1,"account":"ann","rcpt_to":["x@a.example"],"colour":"red"}'
    assert msgspec.json.decode(line, type=Event) == Submission("t1", 1.0, "ann", ["x@a.example"])


def test_the_type_says_which_event_it_is() -> None:
    assert msgspec.json.decode(b'{"type":"tick","time":7}', type=Event) == Tick(7.0)
    assert msgspec.json.decode(b'{"type":"inbound","time":7,"account":"ann"}', type=Event) == Inbound(7.0, "ann")


@pytest.mark.parametrize("line", [b"", b"7", b"{}", b'{"type":"storm","time":1}', b'{"type":"transaction","id":"t1"}'])
def test_anything_else_is_no_event(line: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(line, type=Event)
