"""Whether reports about mail can be tied to it: the key of the tags, and what must undo them."""

from collections.abc import Iterator

from detector.cli.finding import Finding, hint, ok, problem
from detector.cli.words import counted
from detector.config import Config, ConfigError
from detector.relay.tagging import known_tag_keys


def check_tags(config: Config) -> Iterator[Finding]:
    """Looks and changes nothing: our own key is made by the server when it starts."""
    tags = config.feedback.tags
    if not (tags.in_header or tags.in_envelope):
        yield hint("feedback.tags", "no tags: reports are tied to mail by queue ids only, and forged ones are not told")
        return
    try:
        keys = known_tag_keys(config)
    except (ConfigError, OSError) as error:
        yield problem("feedback.tags.keys", str(error).removeprefix("feedback.tags.keys"))
        return
    if keys:
        yield ok("feedback.tags.keys", f"mail is tagged with key {keys[0].key_id}, {counted(len(keys), 'key')} in all")
    else:
        own = tags.own_key(config.state.directory)
        yield ok("feedback.tags.keys", f"{own} is made at the first start; several hosts need one and the same")
    if tags.in_envelope:
        yield hint(
            "feedback.tags.in_envelope",
            "bounces come back to bt=TAG=LOCAL@DOMAIN: the servers that take in mail for your customers must undo it",
        )
