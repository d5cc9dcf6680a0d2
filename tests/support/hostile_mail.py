"""Messages that are made to cost: bombs of MIME, HTML, headers, charsets and regular expressions; mostly a megabyte."""

import base64
from collections.abc import Iterator
from functools import cache

MEGABYTE = 1 << 20
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n"


def _filled(octets: bytes, size: int = MEGABYTE) -> bytes:
    return octets * (size // len(octets))


def _page(octets: bytes, encoding: bytes = b"") -> bytes:
    return b"Subject: x\r\n" + HTML + encoding + b"\r\n" + _filled(octets) + b"\r\n"


def _parts(number: int, part: bytes) -> bytes:
    return MIXED + (b"--b\r\n" + part + b"\r\n") * number + b"--b--\r\n"


def _pages(octets: bytes) -> bytes:
    return _parts(6, HTML + b"\r\n" + _filled(octets, MEGABYTE // 6))


def _nested(depth: int) -> bytes:
    levels = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(depth))
    return b"".join(levels) + b"Content-Type: text/plain\r\n\r\nhello\r\n"


def _of_parts() -> Iterator[tuple[str, bytes]]:
    yield "10^5 parts", _parts(100_000, b"\r\nx")
    yield "10^5 delimiters and nothing between them", MIXED + b"--b\r\n" * 100_000
    yield "lines that begin like a delimiter", MIXED + _filled(b"--bb\r\n")
    yield "nested 8000 deep", _nested(8_000)
    yield "nested in itself", _filled(MIXED + b"--b\r\n")
    yield "forwarded 30000 times", _filled(b"Content-Type: message/rfc822\r\n\r\n")
    yield "parts with thousands of header fields", _parts(100, b"a:\r\n" * 2_500 + b"\r\nx")
    yield (
        "parts with hundreds of parameters",
        _parts(100, b"Content-Type: text/plain" + b"; a=b" * 1_000 + b"\r\n\r\nx"),
    )
    yield "file names of encoded words", _parts(100, b"Content-Disposition: attachment; filename=" + b"=?u?q?a?=" * 999)
    yield (
        "ten megabytes of an archive",
        _parts(
            1,
            b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(b"PK\3\4" + bytes(10 * MEGABYTE)).replace(b"\n", b"\r\n"),
        ),
    )


def _of_headers() -> Iterator[tuple[str, bytes]]:
    yield "a header of ten megabytes", (b"X-A: " + b"y" * 900 + b"\r\n") * 11_000 + b"\r\nx\r\n"
    yield "a header field of ten megabytes", b"X-A: " + b"y" * 10 * MEGABYTE + b"\r\n\r\nx\r\n"
    yield "a field name of 262144 octets", b"X" * 262_144 + b": y\r\n\r\nx\r\n"
    yield "50000 header fields", b"a:b\r\n" * 50_000 + b"\r\nx\r\n"
    yield "a field folded 60000 times", b"Subject: x\r\n" + b" y\r\n" * 60_000 + b"\r\nx\r\n"
    yield "a subject of encoded words", b"Subject: " + b"=?utf-8?Q?=41?= " * 16_000 + b"\r\n\r\nx\r\n"
    yield "a subject that begins words and ends none", b"Subject: " + b"=?" * 120_000 + b"\r\n\r\nx\r\n"
    yield "From of 40000 addresses", b"From: " + b"<a@b>," * 40_000 + b"\r\n\r\nx\r\n"
    yield "a program with 80000 versions", b"X-Mailer: " + b"a1." * 80_000 + b"\r\n\r\nx\r\n"


def _of_text() -> Iterator[tuple[str, bytes]]:
    yield "one line of a megabyte", b"Subject: x\r\n\r\n" + b"x" * MEGABYTE + b"\r\n"
    yield "nothing but dots", b"Subject: x\r\n\r\n" + _filled(b"..\r\n")
    yield "nothing but NUL", b"Subject: x\r\n\r\n" + bytes(MEGABYTE) + b"\r\n"
    yield "no UTF-8", b"Subject: \xff\xfe\r\n" + HTML + b"\r\n" + b"\xff" * MEGABYTE + b"\r\n"
    yield "overlong and lone halves in UTF-8", _page(b"\xc0\xae\xed\xa0\x80\xf8\x88")
    yield "a mark on each mark", b"Subject: x\r\n\r\n" + _filled("a\u0301\u0327\u20d0 ".encode()) + b"\r\n"
    yield "all directions at once", b"Subject: x\r\n\r\n" + _filled("\u202eab\u2066\u200b\u00ad".encode()) + b"\r\n"
    yield "utf-7", b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + _filled(b"+ThZO-") + b"\r\n"
    yield (
        "changing character sets",
        b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + _filled(b'\x1b$B$"\x1b(B') + b"\r\n",
    )
    yield "base64 that is none", _page(b"A!", b"Content-Transfer-Encoding: base64\r\n")
    yield "quoted-printable that is none", _page(b"=", b"Content-Transfer-Encoding: quoted-printable\r\n")
    yield "links without end", b"Subject: x\r\n\r\n" + _filled(b"http://") + b"\r\n"


def _of_pages() -> Iterator[tuple[str, bytes]]:
    yield "opening brackets", _page(b"<")
    yield "links that lead nowhere", _pages(b"<a ")
    yield "quotation marks that do not end", _pages(b"<p \"'")
    yield "comments that do not end", _page(b"<!--")
    yield "style sheets in style sheets", _pages(b"<style>@media x{")
    yield "classes that hide", _pages(b"<style>.a{display:none}</style><b class='a b'>x</b>")
    yield "paragraphs hidden in paragraphs", _pages(b"<p hidden style='display:none'>x")
    yield (
        "each tag another one",
        _parts(6, HTML + b"\r\n" + b"".join(b"<b style='color:#%06x'>x</b>" % colour for colour in range(5_600))),
    )
    yield "elements that nothing ends", _page(b"<div><span><i><u></table>")
    yield "entities", _page(b"&#1087;&am")


@cache
def hostile_mail() -> dict[str, bytes]:
    """By what is hostile about it; complete messages, without the end mark of SMTP."""
    return {name: octets for kind in (_of_parts, _of_headers, _of_text, _of_pages) for name, octets in kind()}
