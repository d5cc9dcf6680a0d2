"""What Postfix's programs may answer; what they do is for tests/e2e/test_postfix_queue.py."""

import json
import sys
from pathlib import Path

import pytest

from detector.config import ConfigError
from detector.config.queues import PostfixQueue as Settings
from detector.ports import Refused, Temporary
from detector.response.postfix_queue import BATCH, PostfixQueue

# Three programs in one: they work on a file with the queue of each message and its login, and write down their words.
PROGRAMS = """
import json, os, sys
path, name, *words = sys.argv[1:]
state = json.load(open(path))
ids = sys.stdin.read().split() if words[1:2] == ["-"] else []
state["calls"].append([name, words if name != "postcat" else len(words) - 1, ids])
if name in state.get("broken", {}):
    sys.exit(state["broken"][name])
if name == "postqueue":
    for queue_id, (queue, _) in state["queue"].items():
        print(json.dumps({"queue_name": queue, "queue_id": queue_id}) if queue != "none" else "Mail queue is empty")
for queue_id in words[1:] if name == "postcat" else ():
    if queue_id in state.get("gone", ()) or queue_id not in state["queue"]:
        json.dump(state, open(path, "w"))
        sys.exit(f"postcat: fatal: open queue file {queue_id}: No such file or directory")
    print(f"*** ENVELOPE RECORDS deferred/A/{queue_id} ***")
    if state["queue"][queue_id][1]:
        print("named_attribute: sasl_username=" + state["queue"][queue_id][1])
    print("sender: x")
    print(f"*** MESSAGE FILE END deferred/A/{queue_id} ***")
for queue_id in ids:
    state["queue"][queue_id][0] = {"-h": "hold", "-H": "deferred", "-d": "deleted"}[words[0]]
json.dump(state, open(path, "w"))
"""


class Pretended:
    """Postfix's programs, pretended to."""

    def __init__(self, directory: Path, queue: dict[str, tuple[str, str]], **more: object) -> None:
        self.file = directory / "postfix.json"
        self.file.write_text(json.dumps({"queue": queue, "calls": [], **more}))
        argv = (sys.executable, "-c", PROGRAMS, str(self.file))
        programs = {name: (*argv, name) for name in ("postqueue", "postcat", "postsuper")}
        self.settings = Settings.model_validate({"provider": "postfix", **programs})
        self.queue = PostfixQueue(self.settings, directory / "notes")

    def calls(self, name: str) -> list[tuple[object, object]]:
        return [(words, ids) for called, words, ids in json.loads(self.file.read_text())["calls"] if called == name]


def test_many_messages_are_read_in_batches(tmp_path: Path) -> None:
    some = {f"{number:06X}": ("deferred", "ann" if number % 2 else "bob") for number in range(2 * BATCH + 1)}
    postfix = Pretended(tmp_path, some)
    assert postfix.queue.hold("ann", "r") == f"on hold in Postfix's queue: {BATCH}"
    assert [count for count, _ in postfix.calls("postcat")] == [BATCH, BATCH, 1]
    assert [words for words, _ in postfix.calls("postsuper")] == [["-h", "-"]]


def test_a_message_that_went_out_meanwhile_hides_no_other(tmp_path: Path) -> None:
    some = {f"A0000{number}": ("active", "ann") for number in range(6)}
    postfix = Pretended(tmp_path, some, gone=["A00000", "A00003", "A00005"])
    assert postfix.queue.hold("ann", "r") == "on hold in Postfix's queue: 3"
    assert postfix.calls("postsuper")[0] == (["-h", "-"], ["A00001", "A00002", "A00004"])


def test_deleting_is_confined_to_what_is_on_hold(tmp_path: Path) -> None:
    postfix = Pretended(tmp_path, {"A00001": ("deferred", "ann")})
    postfix.queue.hold("ann", "r")
    postfix.queue.discard("ann", "r")
    assert postfix.calls("postsuper")[-1] == (["-d", "-", "hold"], ["A00001"])


@pytest.mark.parametrize("queue_id", ["ALL", "-", "A 1B2C3", "../../x", "-c/etc/evil"])
def test_what_is_no_queue_id_goes_nowhere(tmp_path: Path, queue_id: str) -> None:
    postfix = Pretended(tmp_path, {queue_id: ("deferred", "ann")})
    assert postfix.queue.hold("ann", "r") == "on hold in Postfix's queue: 0"
    assert postfix.calls("postcat") == postfix.calls("postsuper") == []


@pytest.mark.parametrize("name", ["incoming", "active", "deferred", "hold", "maildrop", "corrupt"])
def test_only_mail_on_its_way_is_put_on_hold(tmp_path: Path, name: str) -> None:
    postfix = Pretended(tmp_path, {"A00001": (name, "ann")})
    postfix.queue.hold("ann", "r")
    assert len(postfix.calls("postsuper")) == int(name in ("incoming", "active", "deferred"))


@pytest.mark.parametrize("program", ["postqueue", "postcat", "postsuper"])
def test_a_program_that_fails_may_work_later(tmp_path: Path, program: str) -> None:
    postfix = Pretended(tmp_path, {"A00001": ("deferred", "ann")}, broken={program: "something is wrong"})
    with pytest.raises(Temporary, match=rf"^{program} -\S+ ended with status 1: something is wrong$"):
        postfix.queue.hold("ann", "r")


@pytest.mark.parametrize(
    "complaint",
    [
        "sudo: a password is required",
        "Sorry, user detector is not allowed to execute '/usr/sbin/postcat -qe A00001' as postfix on mail.",
        "postsuper: fatal: use of this command is reserved for the superuser",
    ],
)
def test_a_missing_right_is_the_operators_turn(tmp_path: Path, complaint: str) -> None:
    broken = dict.fromkeys(("postcat", "postsuper"), complaint)
    postfix = Pretended(tmp_path, {"A00001": ("deferred", "ann")}, broken=broken)
    with pytest.raises(Refused, match="see the sudo rule"):
        postfix.queue.hold("ann", "r")
    with pytest.raises(ConfigError) as caught:
        postfix.queue.check()
    assert len(str(caught.value).splitlines()) == 2


def test_programs_that_are_not_there_or_do_not_end_may_come_back(tmp_path: Path) -> None:
    def queue(*postqueue: str) -> PostfixQueue:
        settings = {"provider": "postfix", "postqueue": postqueue, "timeout": 0.1}
        return PostfixQueue(Settings.model_validate(settings), tmp_path)

    with pytest.raises(Temporary, match="nothing-of-this-name cannot be started"):
        queue("nothing-of-this-name").hold("ann", "r")
    with pytest.raises(Temporary, match=r"took longer than 0\.1 s"):
        queue(sys.executable, "-c", "import time; time.sleep(60)").hold("ann", "r")


def test_an_old_postfix_is_refused(tmp_path: Path) -> None:
    postfix = Pretended(tmp_path, {"A00001": ("none", "")})
    with pytest.raises(Refused, match=r"Postfix 3\.1 or newer is needed"):
        postfix.queue.hold("ann", "r")


def test_a_check_runs_all_programs_with_nothing_to_do(tmp_path: Path) -> None:
    postfix = Pretended(tmp_path, {})
    assert postfix.queue.check() == "Postfix's queue: 0 messages, all of its programs may be used"
    assert postfix.calls("postcat") == [(1, [])]
    assert postfix.calls("postsuper") == [(["-h", "-"], []), (["-H", "-"], []), (["-d", "-", "hold"], [])]
    assert not (tmp_path / "notes").exists()


def test_a_check_looks_at_the_place_for_notes(tmp_path: Path) -> None:
    postfix = Pretended(tmp_path, {})
    (tmp_path / "notes").touch()
    with pytest.raises(ConfigError, match="is not a directory that we can write to"):
        postfix.queue.check()
