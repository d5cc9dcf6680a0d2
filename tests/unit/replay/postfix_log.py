"""A Postfix log of our own making."""

from datetime import UTC, datetime

REPLIES = {"2": "sent (250 2.0.0 Ok: queued as 99)", "4": "deferred (said: 450 later)", "5": "bounced (said: 550 no)"}


class Log:
    """Lines as Postfix and a syslog daemon write them."""

    def __init__(self, host: str = "mx1") -> None:
        self.lines: list[bytes] = []
        self._host = host

    def write(self, now: float, service: str, text: str) -> None:
        stamp = datetime.fromtimestamp(now, UTC).strftime("%b %e %H:%M:%S")
        self.lines.append(f"{stamp} {self._host} postfix/{service}[4711]: {text}\n".encode())

    def come_back(self, now: float, queue_id: str) -> None:
        """From a content filter on the same host."""
        self.write(now, "smtpd", f"{queue_id}: client=localhost[127.0.0.1]")
        self.write(now, "qmgr", f"{queue_id}: from=<a@x.example>, size=1300, nrcpt=1 (queue active)")

    def hand_on(self, now: float, queue_id: str, recipient: str, returned: str) -> None:
        """To a content filter, which has handed it back already."""
        self.write(
            now,
            "smtp",
            f"{queue_id}: to=<{recipient}>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0.1/0/0/1, dsn=2.0.0, "
            f"status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as {returned})",
        )

    def submit(
        self, now: float, queue_id: str, login: str = "ann", recipients: int = 1, sender: str = "a@x.example"
    ) -> None:
        sasl = f", sasl_method=PLAIN, sasl_username={login}" if login else ""
        self.write(now, "submission/smtpd", f"{queue_id}: client=pc.example[192.0.2.7]{sasl}")
        self.write(now, "cleanup", f"{queue_id}: message-id=<{queue_id}@pc.example>")
        self.write(now, "qmgr", f"{queue_id}: from=<{sender}>, size=1234, nrcpt={recipients} (queue active)")

    def deliver(self, now: float, queue_id: str, recipient: str, code: str = "2.0.0", service: str = "smtp") -> None:
        self.write(
            now,
            service,
            f"{queue_id}: to=<{recipient}>, relay=mx.example[198.51.100.1]:25, delay=1, delays=0.1/0/0.4/0.5, "
            f"dsn={code}, status={REPLIES[code[0]]}",
        )

    def remove(self, now: float, queue_id: str) -> None:
        self.write(now, "qmgr", f"{queue_id}: removed")
