"""What a server that runs takes over of a new configuration, and what takes a restart."""

from collections.abc import Sequence

from detector.config.model import Config

SECTIONS = ("workers", "policy_service", "state", "records", "hold", "response", "metrics", "log")


def taken_over(began: Config, wanted: Config) -> Config:
    """What a server goes by that began with the one and was told the other.

    A worker that takes the place of one that has died goes by it, too: else it would listen elsewhere than the others,
    or know other accounts.
    """
    stays = {section: getattr(began, section) for section in SECTIONS}
    relay = wanted.relay.model_copy(update={"listen": began.relay.listen})
    feedback = began.feedback.model_copy(update={"tags": wanted.feedback.tags})
    return wanted.model_copy(update={**stays, "relay": relay, "feedback": feedback})


def takes_a_restart(began: Config, wanted: Config) -> Sequence[str]:
    """The settings in which they differ and that are not taken over."""
    settings = [section for section in SECTIONS if getattr(began, section) != getattr(wanted, section)]
    if began.relay.listen != wanted.relay.listen:
        settings.append("relay.listen")
    before = dict(began.feedback)
    changed = [name for name, value in wanted.feedback if name != "tags" and value != before[name]]
    return [*settings, *(f"feedback.{name}" for name in changed)]
