import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import assume, given
from hypothesis.strategies import text

from detector.config import ConfigError, SecretSource
from detector.config.panels import MailcowPanel
from detector.ports import Refused, Secret, Temporary
from detector.response.api import ANSWER_BYTES, Api, Form, segment
from tests.support.certificates import make_certificate
from tests.support.fake_api import FakeApi, Reply, Request

SECRET = Secret("s3cr3t-of-the-panel")


class Echo(FakeApi):
    """Answers with what it was asked."""

    def answer(self, request: Request) -> Reply:
        return 200, {
            "method": request.method,
            "target": request.target,
            "headers": dict(request.headers),
            "body": request.body.decode(),
        }


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as echo:
        yield echo


def api(url: str, ca_file: Path | None = None, timeout: float = 5.0) -> Api:
    source = SecretSource(environment="UNUSED")
    settings = MailcowPanel(provider="mailcow", url=url, secret=source, timeout=timeout, ca_file=ca_file)
    return Api(settings, "API key", SECRET, {"X-Key": SECRET.text})


def test_a_question_carries_the_headers_and_json(echo: Echo) -> None:
    answer = api(echo.url + "/base/").ask("PUT", "/thing?a=1", {"b": 2}, {"X-More": "yes"})
    assert answer.status == 200
    assert (answer.field("method"), answer.field("target")) == ("PUT", "/base/thing?a=1")
    assert answer.field("body") == '{"b": 2}'
    assert answer.field("headers", "x-key") == SECRET.text
    assert answer.field("headers", "x-more") == "yes"
    assert answer.field("headers", "content-type") == "application/json"
    assert answer.field("headers", "nothing", "inside") is None


def test_a_form_stands_in_the_body(echo: Echo) -> None:
    answer = api(echo.url).ask("POST", "/", Form({"password": "a&b=c ü", "x": "1"}))
    assert answer.field("target") == "/"
    assert answer.field("body") == "password=a%26b%3Dc+%C3%BC&x=1"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(echo: Echo, status: int) -> None:
    echo.instead = [(status, {"error": SECRET.text})]
    with pytest.raises(Temporary, match=f"^localhost answered {status}$"):
        api(echo.url).ask("GET", "/")


@pytest.mark.parametrize("status", [401, 403])
def test_a_secret_that_is_not_accepted_is_named_by_what_it_is(echo: Echo, status: int) -> None:
    echo.instead = [(status, {"error": SECRET.text})]
    with pytest.raises(Refused) as caught:
        api(echo.url).ask("GET", "/")
    assert str(caught.value) == (
        f"localhost answered {status}: the API key is not accepted, or lacks the right for this"
    )


def test_a_redirect_is_not_followed(echo: Echo) -> None:
    echo.instead = [(308, None)]
    with pytest.raises(Refused, match="a redirect: write the address that it leads to"):
        api(echo.url).ask("POST", "/", {"password": "x"})
    assert len(echo.requests) == 1


def test_other_answers_are_for_the_caller(echo: Echo) -> None:
    echo.instead = [(404, b"<html>"), (400, {"code": "x"}), (204, None), (200, b"[" * 100_000)]
    answers = [api(echo.url).ask("GET", "/") for _ in range(4)]
    assert [(answer.status, answer.document) for answer in answers] == [
        (404, None),
        (400, {"code": "x"}),
        (204, None),
        (200, None),
    ]


def test_an_endless_answer_is_cut_off(echo: Echo) -> None:
    echo.instead = [(200, b" " * ANSWER_BYTES + b"1")]
    with pytest.raises(Refused, match="more than"):
        api(echo.url).ask("GET", "/")


def test_a_silent_server_is_not_waited_for(echo: Echo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(Temporary, match="cannot be asked: ReadTimeout"):
            api(f"http://localhost:{silent.getsockname()[1]}", timeout=0.05).ask("GET", "/")


def test_a_closed_port_may_open_later() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://localhost:{reserved.getsockname()[1]}"
        with pytest.raises(Temporary, match="localhost cannot be asked: ConnectError"):
            api(url).ask("GET", "/")
        with pytest.raises(ConfigError, match="cannot be asked"):
            api(url).check("/")


def test_a_certificate_is_checked(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    with Echo(certificate=(certificate.path, certificate.key_path)) as echo:
        assert api(echo.url, certificate.path).ask("GET", "/").status == 200
        with pytest.raises(Temporary, match="certificate verify failed"):
            api(echo.url).ask("GET", "/")
        assert len(echo.requests) == 1


def test_the_environment_sets_no_proxy(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert api(echo.url).ask("GET", "/").status == 200


def test_a_check_reads_what_the_documentation_promises(echo: Echo) -> None:
    assert api(echo.url).check("/version", "method").field("method") == "GET"
    with pytest.raises(ConfigError, match=r"does not answer as documented: is http://localhost:.* the address"):
        api(echo.url).check("/version", "version")
    echo.instead = [(404, None)]
    with pytest.raises(ConfigError, match="localhost answered 404"):
        api(echo.url).check("/version", "version")


def test_what_the_server_says_is_told_without_secrets(echo: Echo) -> None:
    echo.instead = [(400, {"error": f"no good: {SECRET.text} and n3w-pass\nmore"})]
    answer = api(echo.url).ask("GET", "/")
    refused = api(echo.url).refused(answer, answer.field("error"), Secret("n3w-pass"))
    assert str(refused) == "localhost answered 400: no good: (secret) and (secret)"
    assert str(api(echo.url).refused(answer, ["no", "text"])) == "localhost answered 400"


def test_a_list_has_entries_with_ids(echo: Echo) -> None:
    assert api(echo.url).listed([]) == []
    assert api(echo.url).listed([{"id": 1}]) == [{"id": 1}]
    wrongs: tuple[object, ...] = ({}, None, "id", ["id"], [{"name": "x"}])
    for wrong in wrongs:
        with pytest.raises(Refused, match="does not answer as documented"):
            api(echo.url).listed(wrong)


@given(text())
def test_an_account_of_any_shape_is_found_again_at_the_end_of_a_path(account: str) -> None:
    assume(account not in ("", ".", "..") and not any(0xD800 <= ord(c) <= 0xDFFF for c in account))
    path = httpx.URL(f"https://panel.example.net/users/{segment(account)}").raw_path.decode()
    assert unquote(path.removeprefix("/users/")) == account
    assert path.count("/") == 2
    assert not set("?#") & set(path)


def test_an_account_stays_one_part_of_a_path() -> None:
    assert segment("a/../b?c#d@e.example") == "a%2F..%2Fb%3Fc%23d%40e.example"
    for outside in ("", ".", ".."):
        with pytest.raises(Refused, match="no such account"):
            segment(outside)
