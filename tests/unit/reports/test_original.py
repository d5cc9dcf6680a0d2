"""What ties a report to its message is found wherever servers put it."""

from detector.mail.headers import Header
from detector.reports.original import MOST_QUEUE_IDS, original_of
from detector.reports.parts import pieces_of

NOTHING = pieces_of(b"\n")


def test_queue_ids_of_all_servers_on_the_way_are_kept() -> None:
    returned = Header.of(
        b"Received: by mx.example (Postfix, from userid 0)\n\tid 2EEB4B58176; Fri, 19 Mar 2010 14:05:56 +0000\n"
        b"Received: from a by b with esmtp id 1P1cqy-0001Tl-9p\n\tfor <bob@example.net>; x\n"
    )
    original = original_of(NOTHING, returned, {"x-postfix-queue-id": "4XyZ12"})
    assert original.queue_ids == ("4XyZ12", "2EEB4B58176", "1P1cqy-0001Tl-9p")


def test_there_are_not_endlessly_many_queue_ids() -> None:
    returned = Header.of(b"".join(b"Received: by x id ABCDEF%d\n" % number for number in range(100)))
    assert len(original_of(NOTHING, returned, {}).queue_ids) == MOST_QUEUE_IDS


def test_the_message_id_of_the_returned_message_comes_before_what_the_report_answers_to() -> None:
    pieces = pieces_of(b"In-Reply-To: <answered@a.example>\n\n")
    assert original_of(pieces, Header.of(b"Message-ID: <own@a.example>\n\n"), {}).message_id == "<own@a.example>"
    assert original_of(pieces, Header.of(b""), {}).message_id == "<answered@a.example>"


def test_the_last_reference_is_the_message_that_is_answered() -> None:
    pieces = pieces_of(b"References: <first@a.example> <last@a.example>\n\n")
    assert original_of(pieces, Header.of(b""), {}).message_id == "<last@a.example>"


def test_the_envelope_id_is_told_by_the_report() -> None:
    assert original_of(NOTHING, Header.of(b""), {"original-envelope-id": "QQ1"}).envelope_id == "QQ1"
