import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.headers import Header
from detector.mail.program import MOST_FIELDS, author_of, program_of

OUTLOOK = """\
From: "Ann Other" <ann@example.org>
To: "'Bob'" <bob@example.net>
Subject: Offer
Date: Mon, 6 Dec 2021 10:15:00 +0100
Message-ID: <000001d7ea82$4f3b2e70$edb18b50$@example.org>
MIME-Version: 1.0
X-Mailer: Microsoft Outlook 16.0
"""
EXCHANGE = """\
From: Ann Other <ann@example.org>
To: Bob <bob@example.net>
Subject: Offer
Date: Mon, 6 Dec 2021 09:15:00 +0000
Message-ID: <C698D707214E6F4AB39AB7096C3DE5A59E88A4@mail.example.org>
MIME-Version: 1.0
"""
THUNDERBIRD = """\
Message-ID: <6c0f8f0e-5b1c-4f35-9d4c-0d7f1f8f2c11@example.org>
Date: Mon, 6 Dec 2021 10:15:00 +0100
MIME-Version: 1.0
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:91.0) Gecko/20100101 Thunderbird/91.3.0
To: bob@example.net
From: Ann Other <ann@example.org>
Subject: Offer
"""
APPLE = """\
From: Ann Other <ann@example.org>
Mime-Version: 1.0 (Mac OS X Mail 15.0 \\(3693.40.0.1.81\\))
Subject: Offer
Message-Id: <8316725B-636C-4AD3-9583-13EA062409EA@example.org>
Date: Mon, 6 Dec 2021 10:15:00 +0100
To: Bob <bob@example.net>
X-Mailer: Apple Mail (2.3693.40.0.1.81)
"""
IPHONE = """\
From: Ann Other <ann@example.org>
Mime-Version: 1.0 (1.0)
Subject: Offer
Message-Id: <8316725B-636C-4AD3-9583-13EA062409EA@example.org>
Date: Mon, 6 Dec 2021 10:15:00 +0100
To: bob@example.net
X-Mailer: iPhone Mail (19B74)
"""
GMAIL = """\
MIME-Version: 1.0
From: Ann Other <ann@example.org>
Date: Mon, 6 Dec 2021 10:15:00 +0100
Message-ID: <CAK7z+a1bc_dEf-gHi=Jkl0123456789ABCDEFGhijklmnop@mail.gmail.com>
Subject: Offer
To: Bob <bob@example.net>
"""
K9 = """\
Date: Mon, 06 Dec 2021 10:15:00 +0100
From: Ann Other <ann@example.org>
To: bob@example.net
Subject: Offer
User-Agent: K-9 Mail for Android
Message-ID: <8316725B-636C-4AD3-9583-13EA062409EA@example.org>
MIME-Version: 1.0
"""
ROUNDCUBE = """\
MIME-Version: 1.0
Date: Mon, 06 Dec 2021 10:15:00 +0100
From: Ann Other <ann@example.org>
To: bob@example.net
Subject: Offer
User-Agent: Roundcube Webmail/1.4.11
Message-ID: <1f6b2f5c0e8f4f9b8c5c2a7d4b3e1a90@example.org>
"""
PHPMAILER = """\
Date: Mon, 6 Dec 2021 09:15:00 +0000
To: bob@example.net
From: Ann Other <ann@example.org>
Subject: Offer
Message-ID: <wTf4mJ8yXbQ2hGv5kLz7RnC3pDs9aWe1uIo6tYx0Z@shop.example.org>
X-Mailer: PHPMailer 6.5.0 (https://github.com/PHPMailer/PHPMailer)
MIME-Version: 1.0
"""
PYTHON = """\
MIME-Version: 1.0
From: ann@example.org
To: bob@example.net
Subject: Offer
Date: Mon, 06 Dec 2021 09:15:00 -0000
Message-ID: <163878210012.4711.1234567890123456789@example.org>
"""
PROGRAMS = [OUTLOOK, EXCHANGE, THUNDERBIRD, APPLE, IPHONE, GMAIL, K9, ROUNDCUBE, PHPMAILER, PYTHON]


def program(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return program_of(Header.of(text.replace("\n", "\r\n").encode()), "example.org")


def test_common_programs_differ() -> None:
    assert len({program(text) for text in PROGRAMS}) == len(PROGRAMS)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (OUTLOOK, [("000001d7ea82$4f3b2e70$edb18b50", "000001234567$12345678$90123456")]),
        (OUTLOOK, [("Outlook 16.0", "Outlook 17.0.1")]),
        (ROUNDCUBE, [("1.4.11", "1.6-rc")]),
        (PHPMAILER, [("6.5.0 (https://github.com/PHPMailer/PHPMailer)", "7.1")]),
        (PHPMAILER, [("wTf4mJ8yXbQ2hGv5kLz7", "1Qa7u0RrW62M8xTb4Kc9")]),
        (IPHONE, [("19B74", "20A362")]),
        (GMAIL, [("z+a1bc_dEf-gHi=", "aA1bc3dEf4gHi5")]),
        (PYTHON, [("163878210012.4711.1234567890123456789", "1738782100.12.987654321")]),
        (
            THUNDERBIRD,
            [("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:91.0) Gecko/20100101 ", "Mozilla "), ("/91.3.0", "")],
        ),
    ],
)
def test_random_tokens_and_versions_make_no_difference(text: str, changes: list[tuple[str, str]]) -> None:
    assert program(text, *changes) == program(text)


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_reply_with_attachment_is_from_the_same_program(text: str) -> None:
    reply = text.replace(
        "Subject: Offer\n", "Subject: Re: Offer\nReferences: <1@x.example>\nIn-Reply-To: <1@x.example>\n"
    )
    reply = reply.replace("Date:", "Cc: eve@example.net\nContent-Type: multipart/mixed;\n\tboundary=x\nDate:")
    assert program(reply) == program(text)


@pytest.mark.parametrize(
    ("new", "reply"),
    [
        (THUNDERBIRD, "Message-ID,Date,MIME-Version,User-Agent,Subject,To,From"),
        (APPLE, "Mime-Version,Subject,From,Date,Message-Id,To,X-Mailer"),
        (IPHONE, "Subject,From,Date,Message-Id,To,X-Mailer,Mime-Version"),
    ],
)
def test_programs_that_write_replies_in_another_order_stay_the_same(new: str, reply: str) -> None:
    lines = {line.partition(":")[0]: line for line in new.splitlines()}
    assert program("\n".join(lines[name] for name in reply.split(",")) + "\n") == program(new)


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_letter_with_blind_copies_only_is_from_the_same_program(text: str) -> None:
    assert program("".join(line for line in text.splitlines(keepends=True) if line[:3] != "To:")) == program(text)


@pytest.mark.parametrize("text", PROGRAMS)
def test_what_servers_add_on_top_makes_no_difference(text: str) -> None:
    trace = "Received: from pc.example ([192.0.2.7])\n\tby mx.example with ESMTP; Mon, 6 Dec 2021 10:15:00 +0100\n"
    assert program(20 * trace + "DKIM-Signature: v=1; d=example.org;\n\tb=abc\n" + text) == program(text)


def test_a_forged_name_shows_by_the_order_of_the_fields() -> None:
    assert program(PYTHON + "X-Mailer: Microsoft Outlook 16.0\n") != program(OUTLOOK)


def test_a_host_of_the_sender_says_nothing_of_the_program() -> None:
    expected = program(PYTHON)
    for host in ("pc.example.org", "EXAMPLE.ORG", "ann-laptop", "ip-10-0-0-7", "[192.0.2.7]", "k3.host7.example"):
        assert program(PYTHON, ("789@example.org", f"789@{host}")) == expected
    assert program(PYTHON, ("789@example.org", "789@a.smtp.example")) != expected


def test_the_domain_of_from_is_the_senders_even_without_a_reverse_path() -> None:
    section = PYTHON.encode()
    assert program_of(Header.of(section)) == program_of(Header.of(section), "example.org")


def test_short_tokens_of_digits_by_chance_are_tokens() -> None:
    queue_id = ("163878210012.4711.1234567890123456789", "20211206101500.037BC21A91B")
    by_chance = ("163878210012.4711.1234567890123456789", "20211206101500.03712121918")
    assert program(PYTHON, queue_id) == program(PYTHON, by_chance)


def test_only_the_first_of_several_fields_counts() -> None:
    assert program(OUTLOOK + "Date: again\nX-Mailer: Other\nMessage-Id: x\n") == program(OUTLOOK)


@pytest.mark.parametrize("section", [b"", b"\r\n", b"X-Other: 1\r\n\r\n", b"no header"])
def test_nothing_to_see_has_no_name(section: bytes) -> None:
    assert program_of(Header.of(section)) == ""


def test_only_the_first_fields_are_looked_at() -> None:
    assert program_of(Header.of(MOST_FIELDS * b"X: y\r\n" + OUTLOOK.encode())) == ""
    assert program_of(Header.of(70_000 * b"a:\n")) == ""
    assert author_of(Header.of(b"X: " + 300_000 * b"x" + b"\r\nFrom: ann@example.org\r\n")) == ""


@pytest.mark.parametrize(
    ("field", "author"),
    [
        ("From: Ann <Ann@Example.org>", "ann@example.org"),
        ("FROM : ann@example.org (Ann, at home)", "ann@example.org"),
        ("From: <ann@example.org>", "ann@example.org"),
        ("From:\n =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n <ann@example.org>", "ann@example.org"),
        ('From: "bob@example.net" <ann@example.org>', "ann@example.org"),
        ('From: "<bob@example.net>, Bob" <ann@example.org>', "ann@example.org"),
        ("From: bob@example.net <ann@example.org>", "ann@example.org"),
        ("From: Other, Ann <ann@example.org>", "ann@example.org"),
        ("From: ann@example.org, Bob <bob@example.net>", "ann@example.org"),
        ("From: Ann <ann@example.org>\nFrom: Bob <bob@example.net>", "ann@example.org"),
        ("From: Ann", ""),
        ("From: Ann <ann>", ""),
        ("From:", ""),
        ("X-From: ann@example.org", ""),
        ("Subject: x\n From: ann@example.org", ""),
        ("", ""),
    ],
)
def test_the_author_is_the_first_address_in_from(field: str, author: str) -> None:
    assert (
        author_of(Header.of(f"Subject: x\n{field}\nTo: eve@example.net\n\n".replace("\n", "\r\n").encode())) == author
    )


MARKS = [bytes((code,)) for code in b"\"'()<>@,.:;\\/=$-_ \t\r\n\x00\xffa7Z"]
WORDS = [b"\nFrom:", b"\nMessage-Id:", b"\nX-Mailer: ", b"\nUser-Agent:", b"\nDate:", b"\xc3\xa9", b"Thunderbird"]
NASTY = st.lists(st.sampled_from([*MARKS, *WORDS]), max_size=60).map(b"".join)


@given(st.one_of(st.binary(), NASTY), st.text(max_size=20))
def test_any_octets_are_read(section: bytes, domain: str) -> None:
    assert len(program_of(Header.of(section), domain)) < 600
    author = author_of(Header.of(section))
    assert author == author.lower()
    assert author == "" or author.count("@") == 1
    author.encode()
    program_of(Header.of(section), domain).encode()
