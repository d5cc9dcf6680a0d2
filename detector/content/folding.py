"""Text as it is read, not as it is coded: letters that look alike are one letter, what cannot be seen is gone."""

import re
import unicodedata

# Unicode Technical Standard 39, the part that is met in mail: lower and upper case letters that look Latin.
_LOOKS_LATIN = str.maketrans(
    "аеорсухіјѕԁһԛԝӏАВЕКМНОРСТУХІЈЅԌαβικνορτυχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧɑɡıɩʏɢɪɴʀʙʜʟꜱᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢßøłđħŧ",
    "aeopcyxijsdhqwlABEKMHOPCTYXIJSGabiknoptuxyABEZHIKMNOPTYXagiiygInrbhlsacdejkmoptuvwzsoldht",
)
_COMBINING = re.compile("[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]+")
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufffc"
    "\U000e0000-\U000e0fff]+"
)
_LATIN = re.compile("[A-Za-z]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_ALIKE_SCRIPTS = re.compile("[\u0370-\u03ff\u0400-\u052f]")


def folded(text: str) -> str:
    r"""Compatibility forms (NFKC), no accents, no zero-width characters; in Latin text, Latin look-alikes are Latin.

    >>> folded("V\u0456\u200b\u0430gr\u0430, \U0001d41f\U0001d42b\U0001d41e\U0001d41e, caf\xe9"), folded("Привет, Вася")
    ('Viagra, free, cafe', 'Привет, Вася')
    """
    if text.isascii():
        return text
    text = _COMBINING.sub("", unicodedata.normalize("NFKD", _UNSEEN.sub("", text)))
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    if len(_LATIN.findall(text)) >= len(_ALIKE_SCRIPTS.findall(text)):
        return _NOT_ASCII.sub(lambda found: found[0].translate(_LOOKS_LATIN), text)
    return text
