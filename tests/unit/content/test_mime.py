"""The tree of parts is read leniently, and within bounds."""

import email.message
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.mime import DEEPEST, MOST_HEADER_BYTES, MOST_MARKS, MOST_PARTS, Part, parsed
from detector.mail.written import Written


def kinds(body: bytes) -> list[str]:
    return [part.kind for part in parsed(Written.of(body)).parts]


def only_part(body: bytes) -> Part:
    (part,) = parsed(Written.of(body)).parts
    return part


def test_a_message_without_mime_is_plain_text() -> None:
    message = parsed(Written.of(b"Subject: hello\r\nReply-To: ann@a.example\r\n\r\nbody\r\n"))
    assert (message.subject, message.reply_to) == ("hello", "ann@a.example")
    assert [(part.kind, part.text) for part in message.parts] == [("text/plain", "body\r\n")]


def test_parts_come_in_their_order_with_their_names() -> None:
    made = EmailMessage()
    made.set_content("plain words")
    made.add_alternative("<p>shown words", subtype="html")
    made.add_attachment(b"PK", maintype="application", subtype="zip", filename="rechnung ü.zip")
    text, page, attachment = parsed(Written.of(made.as_bytes())).parts
    assert (text.text.strip(), text.alternative, text.attached) == ("plain words", True, False)
    assert (page.kind, page.text.strip()) == ("text/html", "<p>shown words")
    assert (attachment.attached, attachment.alternative) == (True, False)
    assert attachment.filename.endswith(".zip")


@pytest.mark.parametrize(("encoding", "content"), [
    ("base64", b"R3LDvMOfZQ=="),
    ("BASE64 ", b"R3LDvMOf\r\nZQ="),
    ("quoted-printable", b"Gr=C3=BC=\r\n=C3=9Fe"),
    ("8bit", "Grüße".encode()),
    ("x-unknown", "Grüße".encode()),
])  # fmt: skip
def test_transfer_encodings_are_undone(encoding: str, content: bytes) -> None:
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    assert only_part(head + content).text == "Grüße"


@pytest.mark.parametrize("boundary", [b'"x y"', b"x", b'"x'])
def test_the_boundary_may_be_quoted_and_never_closed(boundary: bytes) -> None:
    mark = boundary.strip(b'"')
    body = b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\npreamble\r\n--" + mark + b"\r\n\r\nfirst"
    assert only_part(body).text == "first"


def test_a_boundary_that_only_starts_alike_is_text() -> None:
    body = b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--xy\n\ntwo\n--x--\nepilogue"
    assert only_part(body).text == "one\n--xy\n\ntwo"


def test_a_multipart_without_boundary_is_text() -> None:
    assert only_part(b"Content-Type: multipart/mixed\n\nwords").text == "words"


@pytest.mark.parametrize("body", [b"words", b"words\n--x--\n", b"--y\n\nwords\n--y--", b"words\n--xy\n" * 500])
def test_a_multipart_whose_boundary_never_occurs_is_text(body: bytes) -> None:
    assert only_part(b"Content-Type: multipart/mixed; boundary=x\n\n" + body).text == body.decode()


def test_such_a_multipart_is_not_read_beside_a_text() -> None:
    def read_beside(other: bytes) -> list[str]:
        broken = b"--x\nContent-Type: multipart/alternative; boundary=y\n\nnever shown\n"
        body = b"Content-Type: multipart/mixed; boundary=x\n\n" + broken + b"--x\n" + other + b"\n\nwords\n--x--"
        return [part.text for part in parsed(Written.of(body)).parts]

    assert read_beside(b"Content-Type: text/plain") == ["words"]
    assert read_beside(b"Content-Type: image/png") == ["never shown", "words"]


def test_nesting_and_number_of_parts_are_bounded() -> None:
    body = b"\n\nin the middle"
    for level in range(3 * DEEPEST):
        body = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%b\n--b%d--" % (level, level, body, level)
    assert len(parsed(Written.of(body)).parts) == 1
    wide = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\ntext\n" * 10_000
    assert len(parsed(Written.of(wide)).parts) == MOST_PARTS


def test_an_attached_message_is_not_opened() -> None:
    inner = EmailMessage()
    inner.set_content("forwarded to the abuse desk")
    made = EmailMessage()
    made.set_content("see there")
    made.add_attachment(inner)
    assert kinds(made.as_bytes()) == ["text/plain", "message/rfc822"]


Tree = str | list["Tree"]
TEXTS: st.SearchStrategy[Tree] = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TREES = st.recursive(TEXTS, lambda inner: st.lists(inner, min_size=2, max_size=4), max_leaves=DEEPEST - 1)


def written(tree: Tree, level: int = 0) -> bytes:
    if isinstance(tree, str):
        return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + tree.encode()
    pieces = [b"--level%d\r\n%b\r\n" % (level, written(one, level + 1)) for one in tree]
    head = b"Content-Type: multipart/mixed; boundary=level%d\r\n\r\npreamble\r\n" % level
    return head + b"".join(pieces) + b"--level%d--\r\nepilogue" % level


def leaves(tree: Tree) -> list[str]:
    return [tree] if isinstance(tree, str) else [leaf for one in tree for leaf in leaves(one)]


@given(TREES.filter(lambda tree: isinstance(tree, list)))
def test_the_texts_of_a_tree_come_back_in_their_order(tree: Tree) -> None:
    parts = parsed(Written.of(written(tree))).parts
    assert [part.text.removesuffix("\r") for part in parts] == leaves(tree)


BROKEN = st.sampled_from([
    b"Content-Type: multipart/alternative; boundary=x\r\n", b"Content-Type: text/html; charset=\xff\r\n", b"\r\n",
    b"\n", b"--x\r\n", b"--x--\r\n", b"Content-Transfer-Encoding: base64\r\n", b"Subject: =?", b" ", b"text", b"\x00",
    b"Content-Disposition: attachment; filename*0*=utf-8''a%\r\n", b"Content-Type: text/plain; charset=utf-7\r\n",
    b"+2AA-", b"=", b":",
])  # fmt: skip


@given(st.binary(max_size=400) | st.lists(BROKEN, max_size=40).map(b"".join))
def test_the_parts_of_any_octets_lie_one_behind_the_other_and_are_no_longer_than_these(octets: bytes) -> None:
    parts = parsed(Written.of(octets)).parts
    ends = [0, *(place for part in parts for place in (part.start, part.end)), len(octets)]
    assert ends == sorted(ends)
    for part in parts:
        assert part.text.encode().decode() == part.text
        assert len(part.text) <= part.end - part.start


def test_what_the_library_makes_is_read_alike() -> None:
    made = email.message.Message()
    made["Content-Type"] = 'text/plain; charset="iso-8859-2"'
    made.set_payload("Žluťoučký", "iso-8859-2")
    assert only_part(made.as_bytes()).text.strip() == "Žluťoučký"


@pytest.mark.parametrize(
    "piece",
    [
        b"Content-Type: text/html\r\n\r\n<p>one\r\n\r\ntwo",
        b"Content-Type: text/html\r\nno field\r\n\r\nwords",  # its header section ends before the empty line
        b"Content-Type: text/html\n\nwords",
        b"\r\nwords\r\n\r\nmore",
        b"Content-Type: text/html",
    ],
)
def test_a_part_is_apart_from_its_header_section_also_when_that_was_met_before(piece: bytes) -> None:
    written = Written.of(piece)
    for _ in range(2):
        part = only_part(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + piece + b"\n--b--\r\n")
        assert (part.header, part.content) == (written.header, written.rest)


def test_header_sections_of_parts_are_read_as_far_as_there_is_room_for_them() -> None:
    long_part = b"--b\r\n" + b"X-A: b\r\n" * 2500 + b"\r\nhello\r\n"
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + 50 * long_part + b"--b--\r\n"
    assert len(parsed(Written.of(message)).parts) == MOST_HEADER_BYTES // 20_000 + 1


def test_lines_that_only_begin_like_a_delimiter_are_passed_over_so_many_times_and_no_more() -> None:
    def parts_behind(lines: int) -> int:
        message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n" + lines * b"--bb\r\n"
        return len(parsed(Written.of(message + b"--b\r\n\r\ntwo\r\n--b--\r\n")).parts)

    assert parts_behind(MOST_MARKS - 2) == 2
    assert parts_behind(MOST_MARKS) == 1


def test_parts_lie_in_the_message_and_are_not_cut_out_of_it() -> None:
    octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
    parts = parsed(Written.of(octets)).parts
    assert [part.content for part in parts] == [b"one\r", b"two\r"]
    assert all(part.octets is octets for part in parts)
