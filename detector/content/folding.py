"""Text as it is read, not as it is coded: letters that look alike are one letter, what cannot be seen is gone."""

import re
import unicodedata
from functools import lru_cache

MOST_KINDS = 40  # of characters outside ASCII that are replaced kind by kind

# Unicode Technical Standard 39, the part that is met in mail: lower and upper case letters that look Latin.
_LOOKS_LATIN = dict(
    zip(
        "аеорсухіјѕԁһԛԝӏАВЕКМНОРСТУХІЈЅԌαβικνορτυχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧɑɡıɩʏɢɪɴʀʙʜʟꜱᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢßøłđħŧ",
        "aeopcyxijsdhqwlABEKMHOPCTYXIJSGabiknoptuxyABEZHIKMNOPTYXagiiygInrbhlsacdejkmoptuvwzsoldht",
        strict=True,
    )
)
_LOOK_LATIN = re.compile(f"[{''.join(_LOOKS_LATIN)}]")
_TYPED = (("\u2019", "'"), ("\u2018", "'"), ("\u201c", '"'), ("\u201d", '"'), ("\u2013", "-"), ("\u2014", "-"))
# Accents, and what has no width.
_GONE = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff"
    "\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufffc"
    "\U000e0000-\U000e0fff]+"
)
_ASCII = bytes(range(128))
_NO_LATIN_LETTERS = bytes(code for code in range(256) if not (code < 128 and chr(code).isalpha()))
_NO_GREEK_OR_CYRILLIC = bytes(code for code in range(256) if not 0xCD <= code <= 0xD4)  # first octets in UTF-8


def folded(text: str) -> str:
    r"""Compatibility forms (NFKC), no accents, no zero-width characters; in Latin text, Latin look-alikes are Latin.

    Quotation marks and dashes are those of a typewriter.

    >>> folded("V\u0456\u200b\u0430gr\u0430, \U0001d41f\U0001d42b\U0001d41e\U0001d41e, caf\xe9"), folded("Привет, Вася")
    ('Viagra, free, cafe', 'Привет, Вася')
    """
    if text.isascii():
        return text
    for mark, typed in _TYPED:
        text = text.replace(mark, typed)
    octets = text.encode("utf-8", "surrogatepass")
    others = octets.translate(None, _ASCII)
    if 4 * len(others) < len(octets):
        text, whole = _folded_by_kind(text, others.decode("utf-8", "surrogatepass"))
        if whole:
            return text
    return _folded_whole(text)


def _folded_by_kind(text: str, others: str) -> tuple[str, bool]:
    """Fast where there are few; the flag says whether nothing else is to do."""
    kinds = set(others)
    if len(kinds) > MOST_KINDS:
        return text, False
    whole = True
    for kind in kinds:
        same = _folded_alone(kind)
        if same is None:
            whole = False
        elif same != kind:
            text = text.replace(kind, same)
    return text, whole


@lru_cache(maxsize=4096)
def _folded_alone(kind: str) -> str | None:
    """None for letters that depend on what stands around them."""
    text = _GONE.sub("", unicodedata.normalize("NFKD", kind))
    return text if text.isascii() or unicodedata.category(kind)[0] in "SPZ" else None


def _folded_whole(text: str) -> str:
    text = _GONE.sub("", unicodedata.normalize("NFKD", text))
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    octets = text.encode("utf-8", "surrogatepass")
    if len(octets.translate(None, _NO_LATIN_LETTERS)) >= len(octets.translate(None, _NO_GREEK_OR_CYRILLIC)):
        return _LOOK_LATIN.sub(lambda found: _LOOKS_LATIN[found[0]], text)
    return text
