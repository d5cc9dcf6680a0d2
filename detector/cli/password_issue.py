"""Sets a password that a person may read: audited before it happens, and told when it failed."""

from secrets import token_hex

from detector.cli.decisions import Change, password_change
from detector.cli.ends import Impossible
from detector.cli.office import Office
from detector.incident.incident import State
from detector.ports import Refused, Secret, Temporary
from detector.response.providers import build
from detector.response.secret import new_password


def issue(office: Office, account: str, verified: str) -> tuple[Secret, str]:
    """The new password, and the incident that blocks the account, empty if none does.

    Raises `Impossible`, `Temporary`, `Refused` and `ConfigError`. The audit log is written first: a password that
    nobody can account for is not set.
    """
    config, records = office.config, office.records
    state = config.state.directory
    provider = build(config.response, config.next_hop, config.relay.hostname, office.clock, state).password
    if provider is None:
        msg = "no password provider is configured: [response.password] says how passwords are set"
        raise Impossible(msg)
    blocked = records.standing().blocks.get(account, "")
    _refuse_while_it_is_contained(office, account, blocked)
    records.audit(office.actor, "issue password", account, office.clock(), verified)
    password = new_password()
    try:
        provider.change_password(account, password, f"issue.{token_hex(8)}")
    except (Refused, Temporary) as error:
        records.audit(office.actor, "issue password failed", account, office.clock(), str(error))
        raise
    return password, blocked


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
