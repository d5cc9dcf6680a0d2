"""Whether answers that came afterwards convict an account: the same ladder, without a message."""

from detector.traffic.profile import Profile
from detector.verdict.feedback import convicting
from detector.verdict.hold import SPEAKS
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Group, Verdict
from detector.verdict.weigh import weigh


def late(profile: Profile, now: float, policy: Policy) -> Verdict | None:
    """The verdict if the account is to be blocked by what came back; `now` in Unix seconds.

    The evidence must reach the block score, more than one kind must speak, one of them that the account does what it
    never did (`judge.enough_speak`), and the answers themselves must be against it. Who only writes to a bad address
    book, as always, is slowed by the recipient window. What reports alone tell convicts nobody, but for many of them
    (`traffic.doubtful`).
    """
    verdict = weigh(profile, now, policy)
    sure = convicting(verdict.groups)
    answers = any(group.group is Group.FEEDBACK and group.nats >= SPEAKS for group in sure)
    return verdict if answers and verdict.action is Action.BLOCK else None
