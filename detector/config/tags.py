"""How what leaves is marked, so that reports about it can be told from forged ones."""

from pathlib import Path
from typing import Annotated

from detector.config.values import Flag, Seconds, SecretSource, Section, shaped


class Tags(Section):
    """A signed tag in a field of the header, and in the envelope sender. `keys`: the newest first; none: our own."""

    in_header: Flag = True
    in_envelope: Flag = False
    header: Annotated[
        str, shaped(r"X-[A-Za-z0-9-]{1,60}", "a name for a header field of ours, as X-Transaction-Tag")
    ] = "X-Transaction-Tag"
    keys: tuple[SecretSource, ...] = ()
    lifetime: Seconds = 2_592_000.0  # complaints may come weeks after the mail; bounces within five days

    @staticmethod
    def own_key(state_directory: Path) -> Path:
        """The key that the program makes itself, where none is configured."""
        return state_directory / "tag.key"
