import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.address import Address
from detector.mail.path import Path, parse_mail, parse_rcpt

NASTY = st.text(alphabet='<>@"\\:,;.[] \t=+-aA0\r\n\x00é\udcff')
PIECES = st.sampled_from(
    ["<", ">", "@", "a", "a.b", '"', '"c d"', "[192.0.2.1]", " ", " SIZE=1", " SIZE=x", " AUTH=+2B", "é"]
)
PATHS = st.from_regex(r"<[a\"é]{0,2}@?[b.]{0,3}> {0,2}(SIZE=[0-9x]{0,2})? {0,2}(AUTH=[+2Bx]{0,3})?", fullmatch=True)


def path_or_reason(argument: str) -> Path | str:
    try:
        return parse_mail(argument)
    except ValueError as refused:
        return str(refused)


@given(NASTY | st.lists(PIECES).map("".join) | PATHS)
def test_any_text_is_a_path_or_refused_for_a_reason_and_blanks_before_it_change_neither(text: str) -> None:
    found = path_or_reason("FROM:" + text)
    assert path_or_reason("from \t: " + text) == found
    if isinstance(found, Path):
        assert not any(letter in str(found.address) for letter in "\r\n\0")
        assert found.size_bytes is None or found.size_bytes >= 0
        assert text.isprintable() or found.auth == ""
    else:
        assert found in {"not a path", "not an address", "SIZE is not a number"} or found.startswith("parameter ")


@given(st.text())
def test_what_does_not_begin_as_it_must_is_no_path(text: str) -> None:
    assert path_or_reason(text.replace(":", "")) == "FROM: is missing"


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<ann@example.org>", Address("ann", "example.org")),
        ("from:<Ann+x@Example.ORG>", Address("Ann+x", "Example.ORG")),
        ("FROM: <ann@example.org> ", Address("ann", "example.org")),
        ("FROM : ann@example.org", Address("ann", "example.org")),
        ("FROM:< ann@example.org >", Address("ann", "example.org")),
        ("FROM:<>", Address("", "")),
        ("FROM: <> BODY=7BIT", Address("", "")),
        ('FROM:<"ann smith"@example.org>', Address('"ann smith"', "example.org")),
        ('FROM:<"a>b@c\\"d"@example.org>', Address('"a>b@c\\"d"', "example.org")),
        ('FROM:<"ann.smith"@example.org>', Address("ann.smith", "example.org")),
        ("FROM:<@a.example,@b.example:ann@example.org>", Address("ann", "example.org")),
        ("FROM:<@[IPv6:::1]:ann@example.org>", Address("ann", "example.org")),
        ("FROM:<ann@[192.0.2.1]>", Address("ann", "[192.0.2.1]")),
        ("FROM:<ann@[IPv6:2001:db8::1]>", Address("ann", "[IPv6:2001:db8::1]")),
        ("FROM:<jürgen@bücher.example> SMTPUTF8", Address("jürgen", "bücher.example")),
        ("FROM:<j\udcfcrgen@example.org>", Address("j\udcfcrgen", "example.org")),
        ("FROM:<a..b.@example.org>", Address("a..b.", "example.org")),
        ("FROM:<SRS0=ab=cd=example.net=bob@example.org>", Address("SRS0=ab=cd=example.net=bob", "example.org")),
        ("FROM:<" + "a" * 200 + "@" + "b" * 500 + ">", Address("a" * 200, "b" * 500)),
    ],
)
def test_a_reverse_path_is_read(argument: str, address: Address) -> None:
    assert parse_mail(argument).address == address


def test_postmaster_stands_alone() -> None:
    assert parse_rcpt("TO:<Postmaster>").address == Address("Postmaster", "")


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "FROM",
        "FROM:",
        "TO:<ann@example.org>",
        "<ann@example.org>",
        "FROM:<ann@example.org",
        "FROM:ann@example.org>",
        "FROM:<ann@example.org>SIZE=1",
        "FROM:<ann smith@example.org>",
        "FROM:<ann@>",
        "FROM:<@example.org>",
        'FROM:<"ann@example.org>',
        "FROM:<ann@exa(mple>",
        "FROM:<ann@example.org>\n",
        "FROM:<ann\r@example.org>",
        "FROM:<ann@example.org> =1",
        "FROM:<ann@example.org> SIZE=",
        "FROM:<ann@example.org> SIZE",
        "FROM:<ann@example.org> SIZE=-1",
        "FROM:<ann@example.org> SIZE=12x",
        "FROM:<ann@example.org> SIZE=" + "9" * 21,
        "FROM:<ann@example.org> BODY=7BIT body=8BITMIME",
        "FROM:<" + "a" * 4096 + "@example.org>",
        "FROM:<" + "é" * 2048 + "@example.org>",
    ],
)
def test_what_is_not_a_reverse_path_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match=r"^[A-Za-z]"):
        parse_mail(argument)


@pytest.mark.parametrize("argument", ["TO:<>", "FROM:<bob@example.net>", "TO:"])
def test_a_recipient_must_be_named(argument: str) -> None:
    with pytest.raises(ValueError, match=r"needed|missing|path"):
        parse_rcpt(argument)


def test_parameters_keep_their_order_and_their_values() -> None:
    path = parse_rcpt("TO:<bob@example.net> notify=SUCCESS,FAILURE ORCPT=rfc822;bob+2Bx@example.net X-FLAG")
    assert path.parameters == (
        ("NOTIFY", "SUCCESS,FAILURE"),
        ("ORCPT", "rfc822;bob+2Bx@example.net"),
        ("X-FLAG", None),
    )


def test_the_plain_and_the_lenient_way_agree() -> None:
    parameters = "SIZE=77 BODY=8bitmime AUTH=ann+2Bx@example.org SMTPUTF8 RET=HDRS ENVID=a"
    plain = parse_mail(f"FROM:<ann@example.org> {parameters}")
    assert parse_mail(f"FROM: <ann@example.org>  {parameters}\t") == plain
    assert plain.size_bytes == 77
    assert plain.body == "8BITMIME"
    assert plain.auth == "ann+x@example.org"
    assert plain.smtputf8


@pytest.mark.parametrize("parameter", ["", " AUTH=<>", " AUTH", " AUTH=+zz"])
def test_auth_may_say_nothing(parameter: str) -> None:
    path = parse_mail(f"FROM:<ann@example.org>{parameter}")
    assert path.auth == ""
    assert path.size_bytes is None
    assert path.body == ""
    assert not path.smtputf8
