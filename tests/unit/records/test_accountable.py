"""What belongs to the records as a whole: an answer is of one moment, and what was done is in the audit log."""

import threading

from detector.records.records import Records


def test_a_log_is_whole_while_others_write_into_it(records: Records, url: str) -> None:
    done = threading.Event()

    def write() -> None:
        other = Records(url)
        for number in range(200):
            other.audit("olga", "look", str(number), 1.0)
        other.close()
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    checks = 0
    while not done.is_set() or checks == 0:
        assert records.verify_audit() <= 200
        checks += 1
    writer.join()
    assert records.verify_audit() == 200


def test_each_correction_and_erasure_is_an_entry_of_the_audit_log(records: Records) -> None:
    records.reset_profile("ann", "olga", 1.0, "moved")
    records.forget("ann", ("greta", 2.0, "asked"), 0.0, 0.0)
    told = [(entry.actor, entry.action, entry.subject) for entry in reversed(records.audit_log())]
    assert told == [("olga", "reset profile", "ann"), ("greta", "forget", "ann")]
