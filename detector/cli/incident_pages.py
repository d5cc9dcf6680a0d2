"""Pages about incidents: a list, the whole story, and what comes next."""

from collections.abc import Iterator, Sequence

from detector.cli.decisions import Story
from detector.cli.page import Page
from detector.cli.words import counted, moment, since, span
from detector.incident.incident import Event, Incident, State
from detector.incident.strike import LIMIT as STRIKES_FOR_THE_END

STANDS = {
    State.OPEN: "the containment is under way",
    State.PENDING: "waits for you: the password is not changed before somebody confirms",
    State.CONTAINED: "contained; waits for your decision",
    State.CONFIRMED: "confirmed; blocked until it is released",
    State.CLOSED: "closed",
}
CONFIRM = "It was abuse:         detector incidents confirm {id}"
DISMISS = "It was a false alarm: detector incidents dismiss {id}"
RELEASE = 'The customer has cleaned up: detector accounts release {account} --reason "..."'
NEXT = {
    State.OPEN: ("Nothing is needed from you now. If you know more than the program:", CONFIRM, DISMISS),
    State.PENDING: (
        "Decide. To confirm changes the password, ends the sessions and tells the customer.",
        CONFIRM,
        DISMISS,
    ),
    State.CONTAINED: ("Speak to the customer and decide. Until then the account stays blocked.", CONFIRM, DISMISS),
    State.CONFIRMED: ("The account stays blocked until all its devices are scanned.", RELEASE, DISMISS),
    State.CLOSED: ("Nothing: the account may send.",),
}


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


def show_story(story: Story, now: float) -> None:
    page, incident = Page(), story.incident
    page.heading(f"Incident {incident.incident_id}: {incident.account}")
    page.fields(
        {
            "State": STANDS[incident.state],
            "Opened": since(incident.opened_at, now),
            "Changed": since(incident.changed_at, now),
            "Identity": "trusted" if incident.trusted else "not trusted: a thief could have chosen it",
            "Strikes": f"{story.strikes} within a year",
            "Transaction": incident.transaction_id,
        }
        | {_as_words(name).capitalize(): value for name, value in incident.facts.items()}
    )
    page.heading(f"Why (score {incident.verdict.score:.1f})")
    page.bullets(story.explanation)
    page.heading("Timeline")
    rows = [(moment(told.at), told.actor, _as_words(told.event), told.detail) for told in story.timeline]
    page.table(("TIME (UTC)", "WHO", "WHAT", ""), rows)
    page.heading("What comes next")
    _show_next(page, story)


def show_decision(story: Story, before: State) -> None:
    """What a confirmation or a dismissal has done."""
    page, incident = Page(), story.incident
    if incident.state is State.CLOSED:
        page.line(f"Incident {incident.incident_id} is closed as a false alarm: {incident.account} may send again.")
        if any(told.event == "change_password: done" for told in story.timeline):
            page.line("Its password was changed and stays so: the customer needs a new one.")
        return
    page.line(
        f"Incident {incident.incident_id} is confirmed: {incident.account} has {counted(story.strikes, 'strike')}."
    )
    if before is State.PENDING:
        page.line("The running server changes the password within seconds; if none runs, when it starts.")
    _show_next(page, story)


def _show_next(page: Page, story: Story) -> None:
    incident = story.incident
    for problem in _failures(story):
        page.line(problem, "bold")
    if incident.state is not State.CLOSED and story.strikes >= STRIKES_FOR_THE_END:
        page.line(
            f"{counted(story.strikes, 'strike')} within a year: the policy proposes to end the service. A person "
            "decides that, never this program."
        )
    for line in NEXT[incident.state]:
        page.line(line.format(id=incident.incident_id[:8], account=incident.account))


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
