"""Octets as text: charsets by the labels that mail uses, and encoded words (RFC 2047) in header fields."""

import re
from binascii import Error, a2b_base64, a2b_qp

MOST_BYTES = 262_144

# A table, not `codecs.lookup`: Python remembers every unknown name for ever, and some of its codecs are no charsets.
_SAME = [
    "utf-8",
    "utf-7",
    "utf-16",
    "utf-16le",
    "utf-16be",
    "utf-32",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
    "cp437",
    "cp850",
    "cp852",
    "cp866",
    "cp874",
    "cp932",
    "cp949",
    "koi8-r",
    "koi8-u",
    "gb2312",
    "gbk",
    "gb18030",
    "hz",
    "big5",
    "big5hkscs",
    "euc-jp",
    "euc-kr",
    "shift_jis",
    "iso-2022-jp",
    "iso-2022-kr",
    "johab",
    "tis-620",
    "mac-roman",
]
_OTHER = {
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in range(2, 17) if number not in (9, 12)},
    **{f"windows-125{number}": f"cp125{number}" for number in range(9)},
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-1": "cp1252",  # what is labelled so is often the other, and never the reverse (WHATWG Encoding Standard)
    "latin1": "cp1252",
    "iso-8859-9": "cp1254",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "windows-949": "cp949",
    "ks_c_5601-1987": "cp949",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "gb2312": "gb18030",  # its superset, again
    "gbk": "gb18030",
    "hz-gb-2312": "hz",
    "utf8": "utf-8",
    "macintosh": "mac-roman",
}
_CODECS = {**{label: label for label in _SAME}, **_OTHER}

_ENCODED_WORD = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,20})?\?([bq])\?([^?\n]*+)\?=", re.IGNORECASE)
_SURROGATES = re.compile("[\ud800-\udfff]")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t\r\n]+(?==\?)")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def decoded(content: bytes, label: str) -> str:
    r"""The text, whatever the label; of an unknown one, or one that says ASCII, what the octets look like.

    >>> decoded(b"caf\xc3\xa9", "x-unknown"), decoded(b"caf\xe9", "us-ascii")
    ('café', 'café')
    """
    content = content[:MOST_BYTES]
    codec = _CODECS.get(label.lower())
    if codec is None:
        codec = "utf-8" if _is_utf8(content) else "cp1252"
    text = content.decode(codec, "replace")
    return _SURROGATES.sub("\ufffd", text) if codec == "utf-7" else text


def header_text(value: str) -> str:
    """A header field's value with its encoded words (RFC 2047) read, also where they are not quite as they should be.

    Surrogate escapes stand for octets that are not UTF-8.

    >>> header_text("=?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?ISO-8859-1?B?IGF1cw==?= Kiel")
    'Grüße aus Kiel'
    """
    if not value.isascii():
        value = decoded(value.encode("utf-8", "surrogateescape"), "")
    if "=?" not in value:
        return value
    return _ENCODED_WORD.sub(_word, _BETWEEN_WORDS.sub("", value))


def from_base64(content: bytes) -> bytes:
    """RFC 2045 section 6.8; what is no base64 is left out, an incomplete end is cut."""
    try:
        return a2b_base64(content)
    except Error:
        digits = _NOT_BASE64.sub(b"", content)
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        return a2b_base64(digits + b"=" * (-len(digits) % 4))


def _word(match: re.Match[str]) -> str:
    label, encoding, text = match.groups()
    octets = text.encode("utf-8", "replace")
    content = from_base64(octets) if encoding in "bB" else a2b_qp(octets, header=True)
    return decoded(content, label)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(content) - 3 and len(content) >= MOST_BYTES  # a character that was cut in two
    return True
