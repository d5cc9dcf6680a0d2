from pathlib import Path

import pytest

from detector.ports import Refused
from detector.response.customer import Customers
from detector.response.plan import APOLOGISE, NOTIFY_CUSTOMER
from detector.response.providers import Providers
from tests.support.response import NOW, Scene, incident


def test_a_customer_is_told_by_step_and_key(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
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
