"""What the customer is told: that the account was stopped, and, if that was wrong, that we are sorry."""

from collections.abc import Collection

from detector.incident.incident import Incident
from detector.incident.notice import Facts, Kind
from detector.ports import Refused
from detector.records.entries import Offer
from detector.records.returning import PASSWORD_ISSUED
from detector.response.notices import MONTH
from detector.response.plan import APOLOGISE, CHANGE_PASSWORD, NOTIFY_CUSTOMER, Plan
from detector.response.secret import new_code, new_salt
from detector.response.tools import Tools

KINDS = {NOTIFY_CUSTOMER.step: Kind.NOTICE, APOLOGISE.step: Kind.APOLOGY}


class Customers:
    """The steps that tell a customer something."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @property
    def can_be_told(self) -> bool:
        return self._tools.providers.notices is not None

    def too_many(self, incident: Incident) -> str:
        """Why there is no further notice to this customer; empty while there may be one. Raises `Temporary`."""
        notices = self._tools.providers.notices
        then = self._tools.clock() - MONTH
        return "" if notices is None else notices.too_many(self._tools.records.notices_since(incident.account, then))

    def tell(self, plan: Plan, incident: Incident, done: Collection[str]) -> str:
        """The word for the timeline. `done` are the steps that were done. Raises `Temporary` or `Refused`."""
        notices = self._tools.providers.notices
        if notices is None:
            msg = "no notice is configured"
            raise Refused(msg)
        facts = Facts(incident, self._still_true(incident, done), code=self._code(incident, plan))
        return notices.send(KINDS[plan.step], facts, plan.key(incident.incident_id))

    def _still_true(self, incident: Incident, done: Collection[str]) -> Collection[str]:
        """Who has a new password since need not be told that the old one is void."""
        timeline = self._tools.records.timeline(incident.incident_id)
        issued = any(told.event == PASSWORD_ISSUED for told in timeline)
        return [step for step in done if step != CHANGE_PASSWORD.step] if issued else done

    def _code(self, incident: Incident, plan: Plan) -> str:
        """With which the customer may end the block; empty where that is not offered, or was within thirty days."""
        if plan is not NOTIFY_CUSTOMER or not self._tools.settings.self_release:
            return ""
        offered = Offer(incident.account, self._tools.clock(), new_salt(), new_code())
        return offered.code if self._tools.records.offer_self_release(incident.incident_id, offered) else ""
