"""What the content of a message gives the judge: numbers and words that stand for it, never the text itself."""

from msgspec import Struct


class Content(Struct, frozen=True, gc=False):
    """Nothing here identifies a recipient, and the text cannot be read from it.

    `text` is a 64-bit number that is equal for equal texts; near-duplicates share at least one of the `bands` (none for
    short texts), and many octets of the `sketch` (empty for a few words). `pivots` stand for what a campaign cannot
    vary: links, account and telephone numbers, Reply-To. `score` is the text model's, `surprise` is -ln of the share of
    the operator's clean mail that reads as much like abuse; both are None where there was nothing to read, or the model
    is silent. `odd`: built as abuse often is, whatever it says. `accomplices` counts the other suspicious accounts that
    lately sent the same text or pivot. `program` names the shape of the mail program, `author` is the address in From;
    both may be empty.
    """

    text: int
    bands: tuple[int, ...] = ()
    sketch: bytes = b""
    pivots: tuple[int, ...] = ()
    score: float | None = None
    surprise: float | None = None
    odd: bool = False
    accomplices: float = 0.0
    program: str = ""
    author: str = ""
