"""What is told of a transaction when it is over: the one line in the log, and the counters; and of our own faults."""

from detector import log
from detector.mail.reply import Reply
from detector.mail.transaction import ACCEPTED, REFUSED
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.relay.draft import Draft

ABORTED = Reply(0, ("aborted",))


def tell(metrics: Metrics, draft: Draft, reply: Reply) -> None:
    """`reply` is what the client hears in the end; `ABORTED` where no message came."""
    _count_recipients(metrics, draft, reply)
    outcome = outcome_of(draft, reply)
    if draft.judged is None:
        metrics.transactions.labels("none", outcome).inc()
        return
    transaction, verdict = draft.judged
    for score in verdict.groups:
        if score.nats > 0.0:
            metrics.evidence.labels(score.group).inc(score.nats)
    metrics.transactions.labels(verdict.action, outcome).inc()
    log.verdict(transaction, verdict, reply)


def tell_fault(metrics: Metrics, error: Exception) -> None:
    """Our own faults end here: the relay goes on, and says so."""
    if isinstance(error, Temporary):
        log.not_judged(str(error))
    else:
        log.internal_error("assess", error)
    metrics.broken_judgements.inc()


def outcome_of(draft: Draft, reply: Reply) -> str:
    if reply is ABORTED or draft.held:
        return "aborted" if reply is ABORTED else "held"
    if reply.positive:
        return "accepted"
    return "deferred" if reply.transient else "rejected"


def _count_recipients(metrics: Metrics, draft: Draft, reply: Reply) -> None:
    result = "held" if draft.held else "passed" if reply.positive else "stopped"
    for recipient in draft.recipients:
        if recipient.status is ACCEPTED:
            metrics.recipients.labels(result).inc()
        elif recipient.status is REFUSED:
            metrics.recipients.labels("refused").inc()
