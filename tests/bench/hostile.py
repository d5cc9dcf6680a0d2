"""What the worst messages cost that we could make, in CPU time, beside usual mail: `python -m tests.bench.hostile`."""

import time
from collections.abc import Callable

from detector.content.reader import Reader
from detector.mail.address import Address
from detector.mail.headers import Header, header_section, without
from detector.mail.stream import classify
from detector.mail.written import Written
from detector.models import load_content
from tests.support.hostile_mail import hostile_mail

ROUNDS = 5
USUAL = b"Subject: Minutes\r\nFrom: ann@example.org\r\n\r\n" + b"Can we move the meeting to Thursday?\r\n" * 50


def milliseconds(work: Callable[[], object]) -> float:
    """The least of some rounds."""
    spent = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return 1000.0 * min(spent)


def of_header(message: bytes) -> None:
    section = header_section(message)
    header = Header.of(section)
    classify(Address("ann", "example.org"), header)
    without(section, frozenset({"x-a"}))


def main() -> None:
    model, usual, _ = load_content()
    print(f"{'header':>8} {'content':>8}  CPU milliseconds")
    for name, message in {"(usual mail)": USUAL, **hostile_mail()}.items():
        header = milliseconds(lambda message=message: of_header(message))  # type: ignore[misc]
        written = Written.of(message)
        content = milliseconds(lambda written=written: Reader(model, usual).read(written))  # type: ignore[misc]
        print(f"{header:8.2f} {content:8.2f}  {name}")


if __name__ == "__main__":
    main()
