from detector.records.records import Records
from detector.records.switches import FREEZE, Switch


def test_a_switch_with_an_end_goes_off_by_itself() -> None:
    assert Switch(FREEZE, 10.0, 20.0, "eve", "upgrade").on(19.0)
    assert not Switch(FREEZE, 10.0, 20.0, "eve", "upgrade").on(20.0)
    assert Switch(FREEZE, 10.0, None, "eve", "upgrade").on(1e12)


def test_a_process_that_lives_is_heard(records: Records) -> None:
    for executor_id in ("one", "two", "one"):
        records.beat(executor_id)
    assert records.beats() == {"one": 1, "two": 0}
    records.bury("one")
    records.bury("one")
    assert records.beats() == {"two": 0}


def test_a_beat_is_nothing_that_others_have_to_take_over(records: Records) -> None:
    before = records.change_token()
    records.beat("one")
    records.bury("one")
    assert records.change_token() == before
