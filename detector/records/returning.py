"""Records of how accounts come back, or do not: strikes that count, terminations, one-time codes."""

from detector.incident.incident import Event, Incident
from detector.records import audit, incidents, way_back
from detector.records.database import Database
from detector.records.entries import Offer, Termination, TimelineEntry

OFFER_EVERY = 30 * 86_400.0
"""Seconds in which an account may end one block by itself."""

WRONG_CODE = "self_release: wrong code"
PASSWORD_ISSUED = "password issued"
"""The event of the timeline after which the customer has a new password."""


class WayBack(Database):
    """A part of `Records`."""

    def accounts_with_strikes(self, since: float) -> list[str]:
        """Those with a strike since then (Unix seconds), the most strikes first."""
        with self._read("accounts_with_strikes") as connection:
            return way_back.accounts_with_strikes(connection, since)

    def decide_termination(self, decided: Termination) -> None:
        """A later decision replaces an earlier one. While the service is ended, a block cannot be released."""
        with self._write("decide_termination") as connection:
            way_back.decide_termination(connection, decided)
            action = "end service" if decided.ended else "keep service"
            audit.append(connection, decided.at, (decided.actor, action, decided.account, decided.reason))

    def termination(self, account: str) -> Termination | None:
        """What was decided last; None when nobody has decided."""
        with self._read("termination") as connection:
            return way_back.termination_of(connection, account)

    def tell_password_issued(self, incident_id: str, actor: str, now: float, verified: str) -> None:
        """Tell in the timeline that the customer has a new password; the audit log knows it before it is set."""
        with self._write("tell_password_issued") as connection:
            incidents.record_step(connection, incident_id, TimelineEntry(now, actor, PASSWORD_ISSUED, verified))

    def offer_self_release(self, incident_id: str, offered: Offer) -> bool:
        """Keep the code of an incident; False when the account had one for another incident in the last 30 days."""
        with self._write("offer_self_release") as connection:
            if way_back.offered_since(connection, offered.account, offered.at - OFFER_EVERY, incident_id):
                return False
            way_back.offer(connection, incident_id, offered)
            return True

    def self_release(self, incident_id: str, code: str, now: float, actor: str) -> Incident | None:
        """End the block by the customer's code; None when the code is not right, or was used, or nobody offered one.

        A wrong one is told in the timeline, and after five of them the offer is void. Raises `IllegalTransition` when
        the incident cannot be released by the customer (any more); then the code stays good.
        """
        right, wrong = (TimelineEntry(now, actor, event, "") for event in (Event.SELF_RELEASE.value, WRONG_CODE))
        with self._write("self_release") as connection:
            redeemed = way_back.redeem(connection, incident_id, code, now)
            if redeemed:
                return incidents.apply(connection, incident_id, Event.SELF_RELEASE, right)[0]
            if redeemed is False:
                incidents.record_step(connection, incident_id, wrong)
            return None
