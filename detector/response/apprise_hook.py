"""Tells operators by the services that they already use: Apprise knows chat, paging and e-mail."""

from detector.ports import Secret
from detector.response.apprise_service import open_service, scheme_of, tell
from detector.response.event_text import text_of


class AppriseHook:
    """The event in words, to the service behind an Apprise URL. The URL is a secret: such URLs carry credentials."""

    def __init__(self, name: str, url: Secret) -> None:
        """Raises `ConfigError` for a URL that must not be used."""
        self.name = name
        self._url = url
        open_service(url.text)

    def deliver(self, event: dict[str, object], request_id: str) -> str:  # noqa: ARG002 - services know no keys
        """Raises `Temporary`. After a crash in the moment of telling it may be told twice."""
        text = text_of(event)
        return tell(self._url.text, text.title, text.body)

    def check(self) -> str:
        """Nothing is sent: a service cannot be tried without telling somebody."""
        return f"hook {self.name}: Apprise, {scheme_of(self._url.text)}; not tried, because that would be a message"
