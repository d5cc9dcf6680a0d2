"""One line of a Postfix log is taken apart."""

import pytest

from detector.replay.postfix_lines import DELIVERY, handed_on, places

HEAD = b"Mar  5 10:00:00 mx1 postfix/smtp[4711]: "
TO = b"to=<bob@example.net>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=%s, status=%s"


@pytest.mark.parametrize("line", [b"", b"Mar  5 10:00:00 mx1 cron: nothing", b"]:"])
def test_a_line_without_a_process_id_speaks_of_no_message(line: bytes) -> None:
    assert places(line)[0] < 3


@pytest.mark.parametrize(
    "said", [b"dovecot: imap-login: user=<a/smtp[1]: ", b"dovecot: auth: sql(postfix/smtp[1]: ", b"opendkim: x[1]: "]
)
def test_a_program_without_a_process_id_cannot_make_others_speak(said: bytes) -> None:
    assert places(b"Mar  5 10:00:00 mx1 " + said + b"4XyZ1: to=<bob@example.net>")[0] < 3


def test_queue_id_and_text_are_found() -> None:
    line = HEAD + b"4XyZ1: to=<a@b>"
    start, end = places(line)
    assert (line[start:end], line[end + 2 :]) == (b"4XyZ1", b"to=<a@b>")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TO % (b"2.0.0", b"sent (250 ok)"), (b"bob@example.net", None, b"2.0.0", b"sent")),
        (b"to=<b@x>, orig_to=<a@x>, dsn=5.1.1, status=bounced", (b"b@x", b"a@x", b"5.1.1", b"bounced")),
        (b"to=b@x, orig_to=root, relay=local, dsn=4.2.0, status=deferred", (b"b@x", b"root", b"4.2.0", b"deferred")),
    ],
)
def test_a_delivery_tells_recipient_code_and_status(text: bytes, found: tuple[bytes | None, ...]) -> None:
    match = DELIVERY.match(text)
    assert match is not None
    assert match.groups() == found


@pytest.mark.parametrize(
    ("text", "queue_id"),
    [
        (b"status=sent (250 2.0.0 Ok: queued as 4AB1)\n", b"4AB1"),
        (b"status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4AB1)", b"4AB1"),
        (b"status=sent (250 queued as 4AB1 at once)", b""),
        (b"status=sent (delivered to maildir)", b""),
    ],
)
def test_the_next_queue_id_stands_at_the_end_or_not_at_all(text: bytes, queue_id: bytes) -> None:
    assert handed_on(text) == queue_id
