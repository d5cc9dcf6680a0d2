from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.config import Config, parse
from detector.mail.login import PolicyRequest
from detector.mail.transaction import UNKNOWN, Identity
from detector.ports import SessionFacts, Temporary
from detector.relay.identity import build_sources, headers_to_strip, identify, needs_header

FACTS = SessionFacts("192.0.2.7", {}, {}, "ann@example.org", "")
QUEUED = replace(FACTS, xforward={"IDENT": "037BC21A91B", "ADDR": "198.51.100.7", "PORT": "40123"})
PROXIED = replace(FACTS, xforward={"IDENT": "", "ADDR": "198.51.100.7", "PORT": "40123"})
REQUEST = PolicyRequest("192.0.2.7", "037BC21A91B", "198.51.100.7", "40123", "Ann@Example.org", "ann@example.org")

POLICY = '[[identity]]\nsource = "policy-service"\n'
XCLIENT = '[[identity]]\nsource = "xclient"\n[relay]\nxclient_clients = ["192.0.2.0/24"]\n'
HEADER = '[[identity]]\nsource = "header"\nname = "X-AuthUser"\n'
AUTH = '[[identity]]\nsource = "auth-parameter"\nhonest_clients = ["192.0.2.0/24"]\n'
ENVELOPE = '[[identity]]\nsource = "envelope-sender"\n'


@dataclass
class Joins:
    """Remembers policy requests for ever."""

    requests: list[PolicyRequest] = field(default_factory=list)
    latest: float = 0.0
    whole: bool = True

    async def remember(self, request: PolicyRequest, now: float) -> None:
        self.requests.append(request)
        self.latest = now

    async def by_queue_id(self, host: str, queue_id: str) -> PolicyRequest | None:
        return next((r for r in self.requests if (r.host, r.queue_id) == (host, queue_id)), None)

    async def by_client(self, host: str, client_address: str, client_port: str) -> PolicyRequest | None:
        wanted = (host, client_address, client_port)
        return next((r for r in self.requests if (r.host, r.client_address, r.client_port) == wanted), None)


async def ask(settings: str | Config, facts: SessionFacts, *requests: PolicyRequest) -> Identity:
    parsed = parse(settings) if isinstance(settings, str) else settings
    return await identify(build_sources(parsed, Joins(list(requests))), facts)


async def test_a_queued_message_belongs_to_the_login_of_its_queue_id() -> None:
    assert await ask(POLICY, QUEUED, REQUEST) == Identity("ann@example.org", "policy-service", trusted=True)


async def test_the_queue_id_of_another_host_is_another_message() -> None:
    assert await ask(POLICY, replace(QUEUED, peer="192.0.2.8"), REQUEST) == UNKNOWN


async def test_a_queue_id_without_login_is_not_looked_up_by_client() -> None:
    assert await ask(POLICY, QUEUED, replace(REQUEST, queue_id="")) == UNKNOWN


async def test_postfix_may_rewrite_the_sender_of_a_queued_message() -> None:
    assert (await ask(POLICY, replace(QUEUED, mail_from="a.smith@example.org"), REQUEST)).known


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_the_local_host_is_one_host_by_all_its_addresses(peer: str) -> None:
    assert (await ask(POLICY, replace(QUEUED, peer=peer), replace(REQUEST, host="loopback"))).known


async def test_before_the_queue_the_client_names_the_message() -> None:
    request = replace(REQUEST, queue_id="")
    assert await ask(POLICY, PROXIED, request) == Identity("ann@example.org", "policy-service", trusted=True)
    assert await ask(POLICY, replace(PROXIED, xforward={"ADDR": "198.51.100.7"}), request) == UNKNOWN
    assert await ask(POLICY, replace(PROXIED, xforward={"ADDR": "198.51.100.7", "PORT": "1"}), request) == UNKNOWN


async def test_before_the_queue_the_sender_must_agree() -> None:
    request = replace(REQUEST, queue_id="")
    assert await ask(POLICY, replace(PROXIED, mail_from="bea@example.org"), request) == UNKNOWN
    assert (await ask(POLICY, replace(PROXIED, mail_from="Ann@EXAMPLE.org"), request)).known


async def test_quoting_the_sender_does_not_hide_the_login() -> None:
    request = replace(REQUEST, queue_id="", sender='ann "x" smith@example.org')
    assert (await ask(POLICY, replace(PROXIED, mail_from='"ann \\"x\\" smith"@example.org'), request)).known


async def test_before_the_queue_the_login_may_come_with_the_end_of_data() -> None:
    settings = 'mode = "before-queue"\n' + POLICY + ENVELOPE
    assert needs_header(parse(settings))
    assert await ask(settings, PROXIED) == UNKNOWN
    later = replace(PROXIED, header=b"\r\n")
    assert (await ask(settings, later, replace(REQUEST, queue_id=""))).source == "policy-service"
    assert (await ask(settings, later)).source == "envelope-sender"


async def test_xclient_login() -> None:
    assert await ask(XCLIENT, replace(FACTS, xclient={"LOGIN": "ann"})) == Identity("ann", "xclient", trusted=True)
    assert await ask(XCLIENT, replace(FACTS, xclient={"LOGIN": ""})) == UNKNOWN


async def test_a_header_counts_only_above_the_first_received() -> None:
    forged = b"X-AuthUser: bea\r\n\r\n"
    received = b"Received: from pc\r\n"
    assert await ask(HEADER, replace(FACTS, header=received + forged)) == UNKNOWN
    honest = replace(FACTS, header=b"x-authuser:\r\n Ann \r\n" + received + forged)
    assert await ask(HEADER, honest) == Identity("ann", "header", trusted=False)


async def test_the_topmost_header_that_matches_counts() -> None:
    settings = HEADER + "pattern = '^login=(.*)$'\ntrusted = true\n"
    header = b"X-AuthUser: none\r\nX-AuthUser: login=ann\r\nX-AuthUser: login=bea\r\n\r\n"
    assert await ask(settings, replace(FACTS, header=header)) == Identity("ann", "header", trusted=True)


async def test_a_pattern_whose_group_took_no_part_names_nobody() -> None:
    settings = HEADER + "pattern = 'none|user=(.+)'\n"
    assert await ask(settings, replace(FACTS, header=b"X-AuthUser: none\r\n\r\n")) == UNKNOWN


async def test_a_long_header_value_is_not_cut_to_another_name() -> None:
    header = b"X-AuthUser: " + b" " * 500 + b"ann" + b" " * 500 + b".\r\n\r\n"
    settings = HEADER + "pattern = '^(\\S+)'\n"
    assert await ask(settings, replace(FACTS, header=b"X-AuthUser: ann" + b" " * 1000 + b".\r\n\r\n")) == UNKNOWN
    assert (await ask(settings, replace(FACTS, header=header))).account == "ann"


async def test_the_auth_parameter_is_believed_only_from_honest_clients() -> None:
    facts = replace(FACTS, auth_parameter="Ann@example.org")
    assert await ask(AUTH, facts) == Identity("ann@example.org", "auth-parameter", trusted=False)
    assert await ask(AUTH, replace(facts, peer="198.51.100.7")) == UNKNOWN
    assert await ask(AUTH, replace(facts, auth_parameter="<>")) == UNKNOWN
    assert await ask(AUTH, FACTS) == UNKNOWN


async def test_the_reverse_path_is_never_trusted() -> None:
    assert await ask(ENVELOPE, FACTS) == Identity("ann@example.org", "envelope-sender", trusted=False)
    assert await ask(ENVELOPE, replace(FACTS, mail_from="")) == UNKNOWN


async def test_the_first_answer_wins() -> None:
    assert (await ask(POLICY + ENVELOPE, QUEUED, REQUEST)).source == "policy-service"
    assert (await ask(POLICY + ENVELOPE, QUEUED)).source == "envelope-sender"
    assert (
        await ask(XCLIENT.replace("[relay]", POLICY + "[relay]"), replace(QUEUED, xclient={"LOGIN": "bea"}), REQUEST)
    ).account == "bea"


async def test_nobody_below_a_header_answers_before_the_header_is_there() -> None:
    settings = HEADER + ENVELOPE
    assert await ask(settings, FACTS) == UNKNOWN
    assert (await ask(settings, replace(FACTS, header=b"Subject: x\r\n\r\n"))).source == "envelope-sender"
    assert (await ask(settings, replace(FACTS, header=b"X-AuthUser: bea\r\n\r\n"))).account == "bea"
    assert (await ask(POLICY + HEADER, QUEUED, REQUEST)).known


def test_only_a_header_has_to_be_waited_for() -> None:
    assert needs_header(parse(POLICY + HEADER))
    assert not needs_header(parse(POLICY + ENVELOPE))
    assert not needs_header(parse('mode = "before-queue"\n' + ENVELOPE))


def test_headers_are_stripped_as_configured() -> None:
    kept = '[[identity]]\nsource = "header"\nname = "X-Keep"\nstrip = false\n'
    assert headers_to_strip(parse(HEADER + kept + POLICY)) == frozenset({"x-authuser"})


@pytest.mark.parametrize(
    "login", ["", " ", "ann\nbea", "ann\x00", "ann\x7f", "a\u202enn", "a\udcffn", "x" * 321, "é" * 161]
)
async def test_what_is_no_name_is_nobody(login: str) -> None:
    assert await ask(XCLIENT, replace(FACTS, xclient={"LOGIN": login})) == UNKNOWN


@given(login=st.text())
async def test_an_account_is_short_printable_and_folded(login: str) -> None:
    identity = await ask(XCLIENT, replace(FACTS, xclient={"LOGIN": login}))
    assert len(identity.account.encode()) <= 320
    assert identity.account.isprintable()
    assert identity.account == identity.account.lower().strip(" \t")


@pytest.mark.parametrize("facts", [QUEUED, PROXIED])
async def test_who_defers_what_cannot_be_judged_takes_a_login_that_is_out_of_reach_for_no_answer(
    facts: SessionFacts,
) -> None:
    away = Joins(whole=False)
    assert await identify(build_sources(parse(POLICY + ENVELOPE), away), facts) != UNKNOWN
    strict = parse('when_broken = "defer"\n' + POLICY + ENVELOPE)
    with pytest.raises(Temporary, match="out of reach"):
        await identify(build_sources(strict, away), facts)
    assert (await identify(build_sources(strict, away), FACTS)).source == "envelope-sender"  # nobody could know it
    away.requests += [REQUEST, replace(REQUEST, queue_id="")]
    assert (await identify(build_sources(strict, away), facts)).source == "policy-service"


async def test_a_login_that_may_still_come_is_not_out_of_reach_before_the_header() -> None:
    strict = parse('when_broken = "defer"\nmode = "before-queue"\n' + POLICY)
    sources = build_sources(strict, Joins(whole=False))
    assert await identify(sources, PROXIED) == UNKNOWN
    with pytest.raises(Temporary, match="out of reach"):
        await identify(sources, replace(PROXIED, header=b"\r\n"))
