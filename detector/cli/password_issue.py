"""Sets a password that a person may read: audited before it happens, and told when it failed."""

from dataclasses import dataclass
from secrets import token_hex

from detector.cli.decisions import Change, password_change
from detector.cli.ends import Impossible
from detector.cli.office import Office
from detector.incident.incident import State
from detector.ports import Refused, Secret, Temporary
from detector.response.providers import Providers, build
from detector.response.secret import new_password


@dataclass(frozen=True, slots=True)
class Issued:
    """`blocked_by` is the incident that blocks the account, empty if none does.

    `problem` tells why the login servers may not know the password yet, empty if they do.
    """

    password: Secret
    blocked_by: str
    problem: str


def issue(office: Office, account: str, verified: str) -> Issued:
    """Set a new password, and have the login servers forget the old one: they may remember that it failed.

    Raises `Impossible`, `Temporary`, `Refused` and `ConfigError`. The audit log is written first: a password that
    nobody can account for is not set.
    """
    config, records = office.config, office.records
    state = config.state.directory
    providers = build(config.response, config.next_hop, config.relay.hostname, office.clock, state)
    if providers.password is None:
        msg = "no password provider is configured: [response.password] says how passwords are set"
        raise Impossible(msg)
    blocked = records.standing().blocks.get(account, "")
    _refuse_while_it_is_contained(office, account, blocked)
    records.audit(office.actor, "issue password", account, office.clock(), verified)
    password, request_id = new_password(), f"issue.{token_hex(8)}"
    try:
        providers.password.change_password(account, password, request_id)
    except (Refused, Temporary) as error:
        records.audit(office.actor, "issue password failed", account, office.clock(), str(error))
        raise
    for incident in records.incidents(account=account, limit=1):
        records.tell_password_issued(incident.incident_id, office.actor, office.clock(), verified)
    return Issued(password, blocked, _forget_the_old_one(providers, account, request_id))


def _forget_the_old_one(providers: Providers, account: str, request_id: str) -> str:
    if providers.sessions is None:
        return ""
    try:
        providers.sessions.end_sessions(account, request_id)
    except (Refused, Temporary) as error:
        return str(error)
    return ""


def _refuse_while_it_is_contained(office: Office, account: str, incident_id: str) -> None:
    """The containment would replace the new password within seconds."""
    if not incident_id:
        return
    state = office.records.incident(incident_id).state
    waiting = {Change.WAITS, Change.UNDER_WAY}
    if state is not State.CONTAINED and password_change(office.records.timeline(incident_id)) in waiting:
        msg = (
            f"the containment of {account} has not changed the password yet and would replace a new one: look at "
            f"`detector incidents show {incident_id}` and try again when it is done"
        )
        raise Impossible(msg)
