"""Every log event, one function each: the text never varies, the fields do.

Fields never hold a password, a message body or a recipient address.
"""

import logging
import sys
from typing import Any, Literal, Protocol

import structlog

from detector.json_lines import JsonLines
from detector.mail.reply import Reply
from detector.mail.transaction import Transaction
from detector.outlet import Outlet
from detector.verdict.verdict import Verdict


class Logger(Protocol):
    """`exc_info` is an exception whose traceback is told."""

    def info(self, event: str, **fields: Any) -> None: ...

    def warning(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


_logger: Logger = structlog.get_logger("detector")


def configure(form: Literal["json", "console"], level: str, worker: int = 0) -> None:
    """Write events to standard error: JSON for machines, columns for people. Other libraries only from warning on.

    With a number each event says which worker tells it.
    """
    global _logger  # noqa: PLW0603 - as structlog itself keeps one

    def name_worker(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        return {**event, "worker": worker}

    structlog.configure(
        processors=[
            *([name_worker] if worker else []),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # a second call of this function must have an effect
    )
    _logger = _json_lines(level, worker) if form == "json" else structlog.get_logger("detector")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells each command there
    dbos = logging.getLogger("dbos")  # it brings a handler of its own only where it finds none
    dbos.propagate = False
    dbos.handlers[:] = [Retold()]


class Retold(logging.Handler):
    """What DBOS says, as lines of our log, at most one in `EVERY` seconds for each place in it.

    While its database is away it says the same pages of text each second.
    """

    EVERY = 60.0

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        place = f"{record.module}:{record.lineno}"
        if record.created - self._told.get(place, -self.EVERY) >= self.EVERY:
            self._told[place] = record.created
            lines = [line for line in record.getMessage().splitlines() if line[:1].strip(" \t(")]
            # Of a traceback the first line, and the last one, which says what has happened.
            containment_engine(place, " ".join(dict.fromkeys([*lines[:1], *lines[-1:]])))


def _json_lines(level: str, worker: int) -> JsonLines:
    try:
        descriptor = sys.stderr.fileno()
    except OSError:  # there is no file behind it
        return JsonLines(sys.stderr.buffer, level, worker)
    outlet = Outlet(descriptor, lambda writings: lines.line("warning", "log_lost", {"writings": writings}))
    lines = JsonLines(outlet, level, worker)
    return lines


# -- the server --


def started(version: str, listen: list[str], mode: str, observe: bool) -> None:
    _logger.info("started", version=version, listen=listen, mode=mode, observe=observe)


def running_as_root(directory: str) -> None:
    """Who breaks into it could do anything to this host."""
    _logger.warning(
        "running_as_root", owner_of=directory, remedy="give that directory to a user of its own, as setup does"
    )


def reloaded() -> None:
    _logger.info("reloaded")


def reload_refused(problem: str) -> None:
    _logger.error("reload_refused", problem=problem)


def restart_needed(setting: str) -> None:
    _logger.warning("restart_needed", setting=setting)


def stopping(transactions: int) -> None:
    _logger.info("stopping", transactions=transactions)


def stop_time_over(sessions: int, tasks: int) -> None:
    """What is under way still ends without an answer: of messages that the next hop has, we do not learn what became.

    `sessions`: clients that were being answered; `tasks`: of clients that had gone.
    """
    _logger.warning("stop_time_over", sessions=sessions, tasks=tasks)


def stop_given_up() -> None:
    """Something that is waited for does not answer, such as a database server that stands still; mail had its time."""
    _logger.error("stop_given_up")


def stopped() -> None:
    _logger.info("stopped")


def worker_ready(number: int, process_id: int) -> None:
    """It takes mail."""
    _logger.info("worker_ready", worker=number, process=process_id)


def worker_failed(number: int, problem: str) -> None:
    """It cannot start."""
    _logger.error("worker_failed", worker=number, problem=problem)


def worker_died(number: int, status: int, again_after: float) -> None:
    """It is started again after so many seconds. A negative status is the signal that has ended it."""
    _logger.error("worker_died", worker=number, status=status, again_after=again_after)


def first_process_died() -> None:
    """A worker takes mail until those of the next first process do, or for a minute."""
    _logger.error("first_process_died")


def internal_error(where: str, error: BaseException) -> None:
    _logger.error("internal_error", where=where, exc_info=error)


# -- the relay --


def not_judged(problem: str) -> None:
    """A store did not answer in time; what happens to the mail is `when_broken`."""
    _logger.error("not_judged", problem=problem)


def connection_refused(peer: str, reason: str, connections: int = 1) -> None:
    """So many of this address and for this reason since it was said last."""
    _logger.warning("connection_refused", peer=peer, reason=reason, connections=connections)


def nobody_let_in(listen: str, problem: str, again_after: float) -> None:
    """The system gives us no connection; who connects waits for so many seconds."""
    _logger.error("nobody_let_in", listen=listen, problem=problem, again_after=again_after)


def protocol_violation(peer: str, what: str) -> None:
    _logger.warning("protocol_violation", peer=peer, what=what)


def next_hop_failed(server: str, problem: str) -> None:
    _logger.error("next_hop_failed", server=server, problem=problem)


def next_hop_back(server: str) -> None:
    _logger.info("next_hop_back", server=server)


def spool_failed(problem: str) -> None:
    _logger.error("spool_failed", problem=problem)


def verdict(transaction: Transaction, decision: Verdict, reply: Reply) -> None:
    """The one line per transaction."""
    counts: dict[str, int] = {}
    for recipient in transaction.recipients:
        counts[recipient.status] = counts.get(recipient.status, 0) + 1
    _logger.info(
        "verdict",
        transaction=transaction.transaction_id,
        account=transaction.identity.account,
        identity_source=transaction.identity.source,
        client=transaction.client,
        action=decision.action,
        score=_hundredths(decision.score),
        groups={score.group: _hundredths(score.nats) for score in decision.groups},
        recipients=counts,
        size_bytes=transaction.size_bytes,
        reply=reply.code,
        reply_enhanced=reply.enhanced,
    )


def _hundredths(number: float) -> float:
    """As `round` does it to two digits, but for ties, in a third of the time: each message has six numbers."""
    return (number * 100.0 + 0.5) // 1.0 / 100.0


def content_failed(error: BaseException, messages: int) -> None:
    """`messages` were judged without their content since this was last told."""
    _logger.error("content_failed", messages=messages, exc_info=error)


# -- identity --


def policy_request_refused(peer: str, problem: str) -> None:
    _logger.warning("policy_request_refused", peer=peer, problem=problem)


def identity_unknown(transaction_id: str, peer: str, transactions: int) -> None:
    """Nobody answers for this transaction, nor for so many since this was said last."""
    _logger.info("identity_unknown", transaction=transaction_id, peer=peer, transactions=transactions)


# -- state and records --


def state_write_failed(problem: str) -> None:
    _logger.error("state_write_failed", problem=problem)


def state_written_again(path: str) -> None:
    _logger.info("state_written_again", path=path)


def state_set_aside(path: str, kept_as: str, problem: str) -> None:
    """A damaged file was moved away and a new one begun."""
    _logger.error("state_set_aside", path=path, kept_as=kept_as, problem=problem)


def state_lost(path: str) -> None:
    """A file was removed or replaced while it was in use: a new one is begun, what stood in the old one is lost."""
    _logger.error("state_lost", path=path, remedy="restore a backup, or go on without; restart the detector")


def state_unreadable(account: str, problem: str) -> None:
    _logger.error("state_unreadable", account=account, problem=problem)


def shared_state_away(problem: str) -> None:
    """From now on this process goes by what it knows itself."""
    _logger.error("shared_state_away", problem=problem)


def shared_state_back() -> None:
    _logger.info("shared_state_back")


def shared_profiles_settled(stored: int, given_up: int) -> None:
    """What was learned of accounts while the shared state was away; what others have changed since is given up."""
    _logger.info("shared_profiles_settled", stored=stored, given_up=given_up)


def records_failed(operation: str, problem: str) -> None:
    _logger.error("records_failed", operation=operation, problem=problem)


def following_failed(source: str, problem: str) -> None:
    """A log of a mail server cannot be followed for now."""
    _logger.error("following_failed", source=source, problem=problem)


def late_verdict(account: str, transaction_id: str, score: float, blocked: bool) -> None:
    """Answers to mail that had passed convict the account; not blocked: we observe, or a person let it through."""
    _logger.warning("late_verdict", account=account, transaction=transaction_id, score=round(score, 2), blocked=blocked)


def address_blocked(recipients: int, accounts: list[str]) -> None:
    """Servers turn our mail away because of our address; the accounts are those most suspected."""
    _logger.error("address_blocked", recipients=recipients, accounts=accounts)


def report_failed(where: str, problem: str) -> None:
    """A report cannot be read or counted for now."""
    _logger.error("report_failed", where=where, problem=problem)


# -- held mail --


def held(message_id: str, account: str, size_bytes: int) -> None:
    _logger.info("held", message=message_id, account=account, size_bytes=size_bytes)


def hold_failed(message_id: str, reason: str, problem: str) -> None:
    _logger.error("hold_failed", message=message_id, reason=reason, problem=problem)


def held_faded(account: str, messages: int) -> None:
    """The evidence has faded; they are released by themselves."""
    _logger.info("held_faded", account=account, messages=messages)


def held_attempt(message_id: str, account: str, state: str, attempts: int) -> None:
    """What came of an attempt to send a released message."""
    _logger.info("held_attempt", message=message_id, account=account, state=state, attempts=attempts)


def held_in_doubt(message_id: str) -> None:
    """It may have been sent, or not: a person decides."""
    _logger.error("held_in_doubt", message=message_id)


def held_unreadable(message_id: str, problem: str) -> None:
    _logger.error("held_unreadable", message=message_id, problem=problem)


def held_set_aside(files: int) -> None:
    """Files that no record knows were moved aside; a crash leaves them, or an older backup of the records."""
    _logger.warning("held_set_aside", files=files)


def held_expired(messages: int) -> None:
    _logger.warning("held_expired", messages=messages)


def records_removed(removed: dict[str, int]) -> None:
    """They were kept long enough."""
    _logger.info("records_removed", **removed)


# -- incidents --


def incident_opened(incident_id: str, account: str, score: float, trusted: bool) -> None:
    _logger.warning("incident_opened", incident=incident_id, account=account, score=round(score, 2), trusted=trusted)


def incident_changed(incident_id: str, account: str, state: str, event: str) -> None:
    _logger.info("incident_changed", incident=incident_id, account=account, state=state, because=event)


def step_done(incident_id: str, step: str, result: str) -> None:
    _logger.info("step_done", incident=incident_id, step=step, result=result)


def step_failed(incident_id: str, step: str, problem: str, final: bool) -> None:
    _logger.error("step_failed", incident=incident_id, step=step, problem=problem, final=final)


def hook_failed(hook: str, problem: str, final: bool) -> None:
    _logger.error("hook_failed", hook=hook, problem=problem, final=final)


def breaker_open(limit: int) -> None:
    _logger.error("breaker_open", limit=limit)


def work_taken_over(executor: str) -> None:
    _logger.warning("work_taken_over", executor=executor)


def containment_engine(place: str, problem: str) -> None:
    """The library that carries out containments says so, at this place of its code; once a minute for each place."""
    _logger.warning("containment_engine", place=place, problem=problem)
