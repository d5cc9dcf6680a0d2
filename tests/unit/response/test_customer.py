import re
from pathlib import Path

import pytest

from detector.config import Response
from detector.incident.incident import Event
from detector.ports import Refused
from detector.response.customer import Customers
from detector.response.plan import APOLOGISE, NOTIFY_CUSTOMER
from detector.response.providers import Providers
from tests.support.response import NOW, Scene, incident

CODE = re.compile(r"\b\w{4}-\w{4}-\w{4}\b")


def test_a_customer_is_told_by_step_and_key(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.records.open_incident(incident())
    customers = Customers(scene.tools)
    for plan in (NOTIFY_CUSTOMER, APOLOGISE):
        assert customers.tell(plan, incident(), ["change_password"]) == "sent"
    told = [(notice.kind, key) for notice, _, key in scene.letters.sent]
    assert told == [("notice", "i-1.notify_customer"), ("apology", "i-1.apologise")]
    scene.records.close()


def test_a_customer_is_told_so_many_times_a_month(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    customers = Customers(scene.tools)
    scene.records.open_incident(incident())
    assert customers.too_many(incident()) == ""
    for _ in range(50):
        scene.records.record_step("i-1", "notify_customer", "done", NOW)
    assert "50 notices within 30 days" in customers.too_many(incident())
    scene.records.close()


def test_without_notices_nobody_is_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.providers = Providers
    customers = Customers(scene.tools)
    assert not customers.can_be_told
    with pytest.raises(Refused):
        customers.tell(NOTIFY_CUSTOMER, incident(), [])
    scene.records.close()


def test_where_it_is_offered_the_notice_carries_a_code_that_works_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Response(self_release=True))
    scene.records.open_incident(incident())
    Customers(scene.tools).tell(NOTIFY_CUSTOMER, incident(), [])
    code = CODE.search(scene.letters.sent[0][0].body)
    assert code is not None
    scene.records.apply("i-1", Event.STEPS_DONE, NOW, "detector")
    assert scene.records.self_release("i-1", code.group(), NOW, "portal") is not None
    scene.records.open_incident(incident("i-2"))
    Customers(scene.tools).tell(NOTIFY_CUSTOMER, incident("i-2"), [])
    assert CODE.search(scene.letters.sent[1][0].body) is None, "the next one comes after thirty days"
    scene.records.close()


def test_where_it_is_not_offered_there_is_no_code(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.records.open_incident(incident())
    Customers(scene.tools).tell(NOTIFY_CUSTOMER, incident(), [])
    assert CODE.search(scene.letters.sent[0][0].body) is None
    scene.records.close()


def test_who_has_a_new_password_since_is_not_told_that_the_old_one_is_void(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.records.open_incident(incident())
    Customers(scene.tools).tell(APOLOGISE, incident(), ["change_password"])
    scene.records.tell_password_issued("i-1", "olga", NOW, "called back")
    Customers(scene.tools).tell(APOLOGISE, incident(), ["change_password"])
    before, after = [notice.body for notice, _, _ in scene.letters.sent]
    assert "password of the account" in before
    assert "password of the account" not in after
    scene.records.close()
