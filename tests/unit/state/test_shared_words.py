from hashlib import sha1

from detector.state.shared_words import Script, key_of_parts, seal_of


def test_no_two_lists_of_parts_have_the_same_key() -> None:
    lists = [(), ("",), ("", ""), ("a", "b"), ("ab",), ("a b",), ("a", "1:b"), ("a 1:b",), ("\udcff",), ("ÿ",)]
    assert len({key_of_parts(b"", *parts) for parts in lists}) == len(lists)


def test_a_script_is_called_as_the_server_calls_it() -> None:
    assert Script("return 1").name == sha1(b"return 1", usedforsecurity=False).hexdigest()


def test_a_seal_tells_keys_apart_and_does_not_tell_the_key() -> None:
    assert seal_of(b"key") == seal_of(b"key") != seal_of(b"another key")
    assert b"key" not in seal_of(b"key")
