"""Pages about incidents: a list, the whole story, and what comes next."""

import shlex
from collections.abc import Iterator, Sequence

from detector.cli.decisions import Change, Story, password_change
from detector.cli.offenders import in_words
from detector.cli.page import Page
from detector.cli.postfix_queue import commands
from detector.cli.words import counted, moment, since, span
from detector.incident.incident import Event, Incident, State
from detector.records.held_entries import HeldDecision
from detector.records.incidents import HELD_MAIL_TOLD
from detector.records.switches import Switch

STANDS = {
    State.OPEN: "the containment is under way",
    State.PENDING: "waits for you: the password is not changed before somebody says so",
    State.CONTAINED: "contained; waits for your decision",
    State.CONFIRMED: "confirmed; blocked until it is released",
    State.CLOSED: "closed",
}
CONFIRM = "It was abuse:         detector incidents confirm {id}"
DISMISS = "It was a false alarm: detector incidents dismiss {id}"
APPROVE = "You do not know yet:  detector incidents approve {id}"
RELEASE = 'The customer has cleaned up: detector accounts release {account} --reason "..."'
TERMINATE = 'End the service:   detector accounts terminate {account} --reason "..."'
KEEP = 'Let it go on:      detector accounts keep {account} --reason "..."'
NEXT = {
    State.OPEN: ("Nothing is needed from you now. If you know more than the program:", CONFIRM, DISMISS),
    State.PENDING: (
        "Decide. To approve or to confirm changes the password, ends the sessions and tells the customer.",
        APPROVE,
        CONFIRM,
        DISMISS,
    ),
    State.CONTAINED: ("Speak to the customer and decide. Until then the account stays blocked.", CONFIRM, DISMISS),
    State.CONFIRMED: ("The account stays blocked until all its devices are scanned.", RELEASE, DISMISS),
    State.CLOSED: ("Nothing more is done here: the account may send.",),
}
HELD = (
    "Held with it: {mail}, see `detector held list --incident {id}`. A confirmation discards it, a dismissal sends it."
)
QUEUE_DISCARDED = "discard_queue: done"
NEW_PASSWORD = "Its password was changed and stays so: the customer needs a new one."
SAYS_NOTHING = ("0", "about 0 within 24 hours")


def show_list(found: Sequence[Incident], now: float) -> None:
    page = Page()
    if not found:
        page.line("No incidents.")
        return
    rows = [
        (one.incident_id, one.account, one.state.value, f"{one.verdict.score:.1f}", f"{span(now - one.opened_at)} ago")
        for one in found
    ]
    page.table(("INCIDENT", "ACCOUNT", "STATE", ">SCORE", ">OPENED"), rows)


def show_freeze(freeze: Switch | None) -> None:
    """Why containments do not go on, while they are frozen."""
    if freeze is not None:
        end = f"until {moment(freeze.until)} UTC, or " if freeze.until is not None else ""
        Page().line(
            f"{freeze.actor} has frozen all containments ({freeze.reason}): they wait {end}until `detector response "
            "unfreeze`.",
            "bold",
        )


def show_story(story: Story, now: float) -> None:
    page, incident = Page(), story.incident
    page.heading(f"Incident {incident.incident_id}: {incident.account}")
    page.fields(
        {
            "State": STANDS[incident.state],
            "Opened": since(incident.opened_at, now),
            "Changed": since(incident.changed_at, now),
            "Identity": "trusted" if incident.trusted else "not trusted: a thief could have chosen it",
            "Strikes": in_words(story.strikes),
            "Transaction": incident.transaction_id,
            "Judged by": f"policy {incident.verdict.policy_version}, models {incident.verdict.model_version}",
        }
        | {_as_words(name).capitalize(): fact for name, fact in incident.facts.items() if fact not in SAYS_NOTHING}
    )
    page.heading(f"Why (score {incident.verdict.score:.1f})")
    page.bullets(story.explanation)
    page.heading("Timeline")
    rows = [
        (moment(told.at), span(told.at - incident.opened_at), told.actor, _as_words(told.event), told.detail)
        for told in story.timeline
    ]
    page.table(("TIME (UTC)", ">AFTER", "WHO", "WHAT", ""), rows)
    page.heading("What comes next")
    _show_next(page, story)


def show_decision(story: Story) -> None:
    """What a confirmation or a dismissal has done."""
    page, incident = Page(), story.incident
    if incident.state is State.CLOSED:
        page.line(f"Incident {incident.incident_id} is closed as a false alarm: {incident.account} may send again.")
        match password_change(story.timeline):
            case Change.DONE:
                page.line(NEW_PASSWORD, "bold")
            case Change.UNDER_WAY:
                page.line(
                    "A change of its password may be under way, and cannot be called back: look again with `detector "
                    f"incidents show {incident.incident_id[:8]}`. If it is changed, the customer needs a new one.",
                    "bold",
                )
        if story.strikes.decided is not None and story.strikes.decided.ended:
            page.line(
                f"Its service is still noted as ended: `detector accounts keep {shlex.quote(incident.account)}` takes "
                "that back, else its next block cannot be released.",
                "bold",
            )
        _show_held_mail(page, story)
        if _queue_is_discarded(story):
            page.line("Its mail in the queue was deleted after the confirmation: what is missing must be sent again.")
        else:
            page.line("Mail of it that waits in the queue of the submission server is delivered at the next attempt.")
        return
    page.line(f"Incident {incident.incident_id} is confirmed: {incident.account} has {in_words(story.strikes)}.")
    _show_held_mail(page, story)
    _show_next(page, story)


def show_release(story: Story) -> None:
    page, incident = Page(), story.incident
    page.line(
        f"{incident.account} may send again; incident {incident.incident_id} is closed. A running server takes it over "
        "within about a second."
    )
    if password_change(story.timeline) is Change.DONE:
        page.line(NEW_PASSWORD)
    if _queue_is_discarded(story):
        return
    page.line(
        "Mail of the thief that still waits in the queue of the submission server is delivered at the next attempt. "
        "If you have not deleted it, do it now; as root on a Postfix, list it and then delete what was listed:"
    )
    _show_queue_commands(page, incident)


def _show_next(page: Page, story: Story) -> None:
    incident = story.incident
    for problem in _failures(story):
        page.line(problem, "bold")
    if story.strikes.proposed:
        page.line("The policy proposes to end the service. A person decides that, never this program:")
        page.line(TERMINATE.format(account=shlex.quote(incident.account)))
        page.line(KEEP.format(account=shlex.quote(incident.account)))
    if story.held and incident.state is not State.CLOSED:
        page.line(HELD.format(mail=counted(story.held, "message"), id=incident.incident_id[:8]))
    if incident.state is State.CONFIRMED:
        _show_what_comes_before_the_release(page, story)
    for line in NEXT[incident.state]:
        page.line(line.format(id=incident.incident_id[:8], account=shlex.quote(incident.account)))

    if incident.state is State.CLOSED and password_change(story.timeline) is Change.DONE:
        page.line(NEW_PASSWORD)


def _show_what_comes_before_the_release(page: Page, story: Story) -> None:
    if password_change(story.timeline) is Change.UNDER_WAY:
        page.line(
            "The password is not changed yet. The running server changes the password within seconds; if none runs, "
            "when it starts. The release must wait for it."
        )
    if _queue_is_discarded(story):
        return
    page.line(
        "Before the release, delete what the thief left in the queue of the submission server: it would be delivered. "
        "As root on a Postfix, list it and then delete what was listed:"
    )
    _show_queue_commands(page, story.incident)


def _show_held_mail(page: Page, story: Story) -> None:
    """What this decision, the last of the story, has done with it."""
    told = [one for one in story.timeline if one.event in HELD_MAIL_TOLD.values()]
    if told and told[-1].at == story.incident.changed_at:
        sent = told[-1].event == HELD_MAIL_TOLD[HeldDecision.RELEASE]
        fate = "sent by the server, within seconds where it runs" if sent else "discarded"
        page.line(f"Held mail, {told[-1].detail}: {fate}.")


def _queue_is_discarded(story: Story) -> bool:
    return any(told.event == QUEUE_DISCARDED for told in story.timeline)


def _show_queue_commands(page: Page, incident: Incident) -> None:
    for command in commands(incident.account):
        page.command(command)


def _failures(story: Story) -> Iterator[str]:
    """Steps that were given up: somebody must do them by hand."""
    for told in story.timeline:
        step, _, result = told.event.partition(": ")
        if result == "failed":
            yield f"By hand, please: {_as_words(step)}. It was tried and given up: {told.detail}"
        elif result == "skipped" and story.incident.state is not State.CLOSED:
            yield f"Not done: {_as_words(step)} ({told.detail})."


def _as_words(name: str) -> str:
    return name.replace("_", " ") if name != Event.STEPS_DONE else "all steps are done or given up"
