"""Links are hosts and shapes of paths."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.content.letter import Link
from detector.content.links import MOST_LINKS, link, links_in


@pytest.mark.parametrize(("target", "host", "shape"), [
    ("http://a.example", "a.example", "/"),
    ("HTTPS://user:x@A.Example.:8080/in/index.php?u=1#x", "a.example", "/in/index.php"),
    ("https://a.example/u/8f3Ka0/reset", "a.example", "/u/*/reset"),
    ("https://a.example/2026/11/averyveryverylongtoken/", "a.example", "/*/*/*"),
    ("www.a.example/x", "www.a.example", "/x"),
    ("http://[2001:db8::1]/x", "[2001:db8::1]", "/x"),
    ("http://a%2eexample/", "a.example", "/"),
    ("http://%41.example%2E/", "a.example", "/"),
    ("http:a.example/x", "a.example", "/x"),
    ("https:///a.example/x", "a.example", "/x"),
    ("http:\\\\a.example\\x", "a.example", "/x"),
    ("http://a.example\\@b.example/", "a.example", "/@b.example"),
    ("http://b.example@c.example@a.example/", "a.example", "/"),
    ("http://B\u00dccher.example/", "b\u00fccher.example", "/"),
    ("http://b%C3%BCcher.example/", "b\u00fccher.example", "/"),
    ("http://bu\u0308cher.example/", "b\u00fccher.example", "/"),
    ("http://a\u3002ex\u00adample\uff0e/", "a.example", "/"),
    ("http://\uff41\uff61exa\u200bmple/", "a.example", "/"),
])  # fmt: skip
def test_hosts_and_shapes(target: str, host: str, shape: str) -> None:
    found = link(target)
    assert found is not None
    assert (found.host, found.shape) == (host, shape)


@pytest.mark.parametrize("target", [
    "", "#top", "mailto:a@b.example", "javascript:x()", "/relative",
    "http://", "http://./", "http:", "http://%2e%2E/", "http://ann@",
])  # fmt: skip
def test_what_leads_to_no_host(target: str) -> None:
    assert link(target) is None


@pytest.mark.parametrize(("shown", "misleading"), [
    ("www.bank.example.org", True),
    ("https://bank.invalid/login", True),
    ("login.a.example", False),
    ("a.example/other", False),
    ("click here", False),
    ("ann@bank.invalid", False),
    ("Version 2.0", False),
    ("", False),
])  # fmt: skip
def test_a_text_that_names_another_host_misleads(shown: str, misleading: bool) -> None:
    found = link("https://mail.a.example/x", shown)
    assert found is not None
    assert found.misleading is misleading


@pytest.mark.parametrize(("host", "numeric"), [("192.0.2.1", True), ("[2001:db8::1]", True), ("a1.example", False)])
def test_an_address_is_no_name(host: str, numeric: bool) -> None:
    found = link(f"http://{host}/")
    assert found is not None
    assert found.numeric is numeric


def test_links_in_plain_text() -> None:
    text = "see https://a.example/x, or (www.b.example). Not ann@c.example."
    assert [found.host for found in links_in(text)] == ["a.example", "www.b.example"]
    assert len(links_in("http://a.example/ " * 1000)) == MOST_LINKS
    assert len(links_in("http://a.example/ " * 1000, most=3)) == 3


WRITTEN = st.sampled_from(["http://", "https://", "www.", "ann@", "a1.example", "%2e", "/x", " ", ".", "(", "[", "]"])


@given(st.text(alphabet="htp:/w.@[]%?#a1 \u0130"), st.text())
def test_a_shape_is_short_and_its_own_shape_and_what_is_shown_changes_nothing(target: str, shown: str) -> None:
    found = link("http://" + target, shown)
    if found is not None:
        assert found.shape.count("/") <= 6
        assert link("http://a.example" + found.shape) == Link("a.example", found.shape)
        assert link("http://" + target) == Link(found.host, found.shape)


LETTERS = st.lists(st.sampled_from(["a", "A", "%41", "%61", "\uff41", "\uff21", "\u24d0"]), min_size=1)


@given(LETTERS, st.sampled_from("./\\"))
def test_a_name_has_one_host_however_it_is_written(letters: list[str], end: str) -> None:
    found = link("https://" + "".join(letters) + ".example" + end)
    assert found is not None
    assert found.host == len(letters) * "a" + ".example"


@given(st.text(alphabet="htp:/w.@[]%?#a1 ") | st.lists(WRITTEN).map("".join), st.integers(0, MOST_LINKS))
def test_links_of_a_text_stand_in_it(text: str, most: int) -> None:
    found = links_in(text, most)
    assert len(found) <= most
    assert all(one.host in unquote(text).lower() for one in found)
