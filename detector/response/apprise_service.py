"""Services that Apprise knows: chat, paging, gateways of short messages. Imported only where one is configured."""

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from detector.config import ConfigError
from detector.incident.notice import Notice
from detector.ports import Contact, Secret, Temporary

if TYPE_CHECKING:
    from apprise import NotifyBase

PLACES = {"{telephone}": "telephone", "{address}": "address"}
"""What a customer's URL must name, and the field of the contact that comes there."""

SAMPLE = Contact("ann@example.org", "ann@example.com", telephone="+15550100")
LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|\[?::1\]?")
LOCAL = frozenset({"syslog", "dbus", "kde", "qt", "glib", "gio", "gnome", "macosx", "windows", "blink1"})
"""Without encryption, and without leaving this host."""

SCHEME = re.compile(r"([a-z][a-z0-9]{0,19})://", re.IGNORECASE)
ANSWER = re.compile(r"error=(\d{3})\b")


def open_service(url: str) -> "NotifyBase":
    """The service behind an Apprise URL. Raises `ConfigError`, in words that leave out all but the URL's scheme.

    Only what comes with Apprise: no plugins from disk, no configuration from elsewhere, no attachments, no pictures
    that the reader's program would fetch from a third party, nothing on disk, no redirects to other hosts.
    """
    import apprise
    from apprise.logger import logger

    # Its complaints carry parts of URLs and of answers; what we may say is said by our own log events.
    logger.propagate = False
    asset = apprise.AppriseAsset(
        app_id="detector",
        app_desc="outbound abuse detector",
        app_url="",
        image_url_mask="",
        image_path_mask="",
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    scheme = scheme_of(url)
    if service is None or service.category != "native":
        msg = f"Apprise {apprise.__version__} cannot use this URL ({scheme}://...); its manual tells how to write it"
        raise ConfigError(msg)
    if not service.verify_certificate:
        msg = f"the Apprise URL ({scheme}://...) says verify=no: a certificate that nobody looks at"
        raise ConfigError(msg)
    if _is_open_to_read(service, scheme):
        secure = _names(service.secure_protocol)
        better = f"use {secure[0]}://" if secure else "there is no encrypted way to this service"
        msg = f"Apprise does not encrypt what goes to {scheme}://...: {better}"
        raise ConfigError(msg)
    return service


def tell(url: str, title: str, text: str) -> str:
    """Raises `Temporary` when it could not be told: Apprise does not say whether trying again can help."""
    from apprise import NotifyFormat
    from apprise.logger import LogCapture, logger

    # A service of its own for each message: they keep counts of what they sent, and wait for it.
    service = open_service(url)
    with LogCapture(level=30, fmt="%(message)s") as complaints:  # type: ignore[no-untyped-call]
        told = service.notify(title=title, body=text, body_format=NotifyFormat.TEXT)
    logger.propagate = False
    if not told:
        answer = ANSWER.search(complaints.getvalue())
        msg = f"{scheme_of(url)} did not take it" + (f": it answered {answer.group(1)}" if answer else "")
        raise Temporary(msg)
    return f"told by {scheme_of(url)}"


class AppriseNotifier:
    """Tells a customer by a service whose URL has `{telephone}` or `{address}` where the customer's belongs."""

    def __init__(self, url: Secret) -> None:
        """Raises `ConfigError`."""
        self._url = url
        places = [place for place in PLACES if place in url.text]
        if len(places) != 1:
            msg = "an Apprise URL for notices must have {telephone} or {address} where the customer's belongs"
            raise ConfigError(msg)
        self._place = places[0]
        open_service(self._url_for(SAMPLE))

    def reaches(self, contact: Contact) -> bool:
        return bool(getattr(contact, PLACES[self._place]))

    def send(self, notice: Notice, contact: Contact, request_id: str) -> str:  # noqa: ARG002 - services know no keys
        """The short text to a telephone, the whole one to an address. Raises `Temporary`.

        After a crash in the very moment of sending, a second message may go out: services know no idempotency keys.
        """
        url = self._url_for(contact)
        return tell(url, "", notice.short) if self._place == "{telephone}" else tell(url, notice.subject, notice.body)

    def check(self) -> str:
        """Nothing is sent: a service cannot be tried without telling somebody."""
        return f"notices by Apprise, {scheme_of(self._url.text)}, to the customer's {PLACES[self._place]}"

    def _url_for(self, contact: Contact) -> str:
        return self._url.text.replace(self._place, quote(getattr(contact, PLACES[self._place]), safe=""))


def _is_open_to_read(service: "NotifyBase", scheme: str) -> bool:
    # E-mail may go to another host than the one that the URL begins with.
    hosts = [str(host) for name in ("host", "smtp_host") if (host := getattr(service, name, None))]
    if scheme in LOCAL or (hosts and all(map(LOOPBACK.fullmatch, hosts))):
        return False
    return scheme in _names(service.protocol) or getattr(service, "secure_mode", None) == "insecure"


def _names(protocol: object) -> tuple[str, ...]:
    """Apprise has one name, several, or none."""
    if isinstance(protocol, str):
        return (protocol,)
    return tuple(map(str, protocol)) if isinstance(protocol, list | tuple | set | frozenset) else ()


def scheme_of(url: str) -> str:
    """What may be shown of a URL.

    >>> scheme_of("jsons://user:secret@example.net")
    'jsons'
    """
    found = SCHEME.match(url)
    return found.group(1) if found else "?"
