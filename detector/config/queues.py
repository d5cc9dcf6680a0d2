"""Where mail of an account waits that the relay does not hold itself."""

from typing import Literal

from detector.config.actions import Argv
from detector.config.values import Seconds, Section


class PostfixQueue(Section):
    """Postfix's queue. Each program is written with all that stands before its options, for example sudo."""

    provider: Literal["postfix"]
    postqueue: Argv = ("postqueue",)
    postcat: Argv = ("postcat",)
    postsuper: Argv = ("postsuper",)
    timeout: Seconds = 60.0
