"""What Dovecot may answer; that it does what it answers is for tests/e2e/test_dovecot_http.py."""

import json
from collections.abc import Iterator

import pytest

from detector.config import ConfigError, SecretSource
from detector.config.panels import DovecotHttpSessions
from detector.ports import Refused, Secret, Temporary
from detector.response.dovecot_http import DovecotHttp
from tests.support.fake_api import FakeApi, Reply, Request

FLUSHED = (200, [["doveadmResponse", [{"entries": "1"}], "1"]])
KICKED = (200, [["doveadmResponse", [{"result": "ann"}], "1"]])


class Scripted(FakeApi):
    """Only answers what stands in `instead`."""

    def answer(self, request: Request) -> Reply:
        return self.mistake(request.target, (404, None))


@pytest.fixture
def api() -> Iterator[Scripted]:
    with Scripted() as api:
        yield api


def ender(api: Scripted) -> DovecotHttp:
    source = SecretSource(environment="UNUSED")
    return DovecotHttp(DovecotHttpSessions(provider="dovecot-http", url=api.url, secret=source), Secret("key"))


def failed(kind: str, status: int = 0) -> Reply:
    return 200, [["error", {"type": kind, "exitCode": status}, "1"]]


def test_the_cache_is_flushed_before_sessions_end_in_a_request_of_its_own(api: Scripted) -> None:
    api.instead = [FLUSHED, KICKED]
    assert ender(api).end_sessions("ann", "r") == "cached logins flushed, sessions ended"
    assert [json.loads(request.body) for request in api.requests] == [
        [["authCacheFlush", {"user": ["ann"]}, "1"]],
        [["kick", {"mask": ["ann"]}, "1"]],
    ]
    assert {request.headers["authorization"] for request in api.requests} == {"X-Dovecot-API a2V5"}


def test_nobody_to_kick_is_no_failure(api: Scripted) -> None:
    api.instead = [FLUSHED, failed("exitCode", 68)]
    assert ender(api).end_sessions("ann", "r").endswith("no session was open")


def test_a_cache_that_was_not_flushed_keeps_the_sessions(api: Scripted) -> None:
    api.instead = [failed("exitCode", 75)]
    with pytest.raises(Temporary, match="authCacheFlush ended with status 75"):
        ender(api).end_sessions("ann", "r")
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [64, 77, 78])
def test_what_will_never_work_is_refused(api: Scripted, status: int) -> None:
    api.instead = [FLUSHED, failed("exitCode", status)]
    with pytest.raises(Refused, match=f"kick ended with status {status}"):
        ender(api).end_sessions("ann", "r")


def test_a_command_that_is_not_known_is_refused(api: Scripted) -> None:
    api.instead = [failed("unknownMethod")]
    with pytest.raises(Refused, match="localhost does not take authCacheFlush: unknownMethod"):
        ender(api).end_sessions("ann", "r")


@pytest.mark.parametrize("answer", [(200, None), (200, {}), (200, [["doveadmResponse"]]), (404, b"<html>")])
def test_another_server_is_not_taken_for_dovecot(api: Scripted, answer: Reply) -> None:
    api.instead = [answer, answer]
    with pytest.raises(Refused, match="does not answer as documented"):
        ender(api).end_sessions("ann", "r")
    with pytest.raises(ConfigError, match=r"does not know authCacheFlush \(user\), kick \(mask\)"):
        ender(api).check()


@pytest.mark.parametrize("account", ["*", "a?n", "-A"])
def test_a_pattern_is_no_account(api: Scripted, account: str) -> None:
    with pytest.raises(Refused, match="option, a pattern or a network"):
        ender(api).end_sessions(account, "r")
    assert api.requests == []
