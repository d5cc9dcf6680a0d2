"""Hands the notice to the next hop, as the mail of a role and not of a person."""

import contextlib
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from detector.config import ConfigError, HostPort, NextHop, NoticeSettings
from detector.incident.notice import Notice
from detector.ports import Clock, Contact, Refused, Temporary
from detector.tls import client_context


class SmtpNotifier:
    """One message for each incident, through the first next hop that answers.

    The reverse-path is null (RFC 5321 section 4.5.5) and the header says `Auto-Submitted: auto-generated` (RFC 3834
    section 5): no robot answers it, and nothing bounces to the role address. The Message-ID is made from the incident,
    so a notice that is sent again after a crash is recognised as the same one by whoever looks.
    """

    def __init__(self, settings: NoticeSettings, next_hop: NextHop, hostname: str, clock: Clock) -> None:
        self._settings = settings
        self._next_hop = next_hop
        self._hostname = hostname
        self._clock = clock

    def reaches(self, contact: Contact) -> bool:
        return bool(contact.address)

    def send(self, notice: Notice, contact: Contact, request_id: str) -> str:  # noqa: ARG002 - the Message-ID does it
        """Raises `Refused` for a 5xx reply, `Temporary` for a 4xx or when no next hop answers."""
        message = self._message(notice, contact)
        try:
            with self._connection() as smtp:
                smtp.send_message(message, from_addr="", to_addrs=[contact.address])
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _refusal(code, text) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            msg = f"the next hop cannot carry the contact address: {error}"
            raise Refused(msg) from error
        except (smtplib.SMTPException, OSError) as error:
            msg = f"the notice did not reach the next hop: {error}"
            raise Temporary(msg) from error
        return "handed to the next hop"

    def check(self) -> str:
        """Speak to the next hop as far as EHLO and STARTTLS. Raises `ConfigError`."""
        try:
            with self._connection() as smtp:
                smtp.noop()
        except (Temporary, smtplib.SMTPException, OSError) as error:
            msg = f"no notice can be sent: {error}"
            raise ConfigError(msg) from error
        return f"notices from {self._settings.sender}: the next hop answers"

    def _message(self, notice: Notice, contact: Contact) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        try:
            message["From"] = _mailbox(self._settings.sender_name, self._settings.sender)
            message["To"] = _mailbox(contact.name, contact.address)
            message["Subject"] = notice.subject
        except ValueError as error:  # a line break in a name: EmailMessage refuses what would become another header
            msg = f"the notice has no lawful header: {error}"
            raise Refused(msg) from error
        message["Date"] = format_datetime(datetime.fromtimestamp(self._clock(), UTC))
        message["Message-ID"] = f"<{notice.incident_id}.{notice.kind}@{self._hostname.strip('[]').replace(':', '-')}>"
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = notice.language
        message.set_content(notice.body, charset="utf-8", cte="quoted-printable")
        return message

    @contextlib.contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        """The first server that can be reached with the encryption that is asked for. Raises `Temporary`."""
        problems = []
        for server in self._next_hop.servers:
            try:
                smtp = self._connect(server)
            except (smtplib.SMTPException, OSError) as error:
                problems.append(f"{server}: {error}")
                continue
            try:
                yield smtp
            finally:
                _leave(smtp)
            return
        raise Temporary("; ".join(problems))

    def _connect(self, server: HostPort) -> smtplib.SMTP:
        tls, time = self._next_hop.tls, self._next_hop.connect_time
        # Connected by the constructor: only so it keeps the name that STARTTLS compares the certificate with.
        smtp = smtplib.SMTP(server.host, server.port, local_hostname=self._hostname, timeout=time)
        try:
            smtp.ehlo_or_helo_if_needed()
            if tls.mode in ("require", "verify") or (tls.mode == "may" and smtp.has_extn("starttls")):
                smtp.starttls(context=client_context(tls))
                smtp.ehlo()
            if smtp.sock is not None:
                smtp.sock.settimeout(self._next_hop.reply_time)
        except BaseException:
            smtp.close()
            raise
        return smtp


def _leave(smtp: smtplib.SMTP) -> None:
    """Whatever the answer to QUIT is: what was accepted is not sent again for it."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    smtp.close()


def _mailbox(name: str, address: str) -> Address:
    # In parts: given as a whole, an address outside ASCII (RFC 6532) would be refused.
    local_part, _, domain = address.rpartition("@")
    return Address(name, local_part, domain)


def _refusal(code: int, text: bytes | str) -> Exception:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    msg = f"the next hop answered {code} {words}"
    return (Refused if 500 <= code < 600 else Temporary)(msg)
