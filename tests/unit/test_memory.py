"""Names that nobody can guess, and that stand together where they are sorted."""

from detector.mail.tag import TagKey, tag_of, transaction_of
from detector.memory import DRAWN, new_id


def test_names_are_never_the_same_and_those_of_one_moment_begin_alike() -> None:
    names = [new_id() for _ in range(20 * DRAWN)]
    assert len(set(names)) == len(names)
    assert len({name[:6] for name in names}) <= 22
    assert len({name[6:] for name in names}) > 19 * DRAWN


def test_a_tag_takes_each_of_them() -> None:
    key, name = TagKey.of(b"k" * 32), new_id()
    assert transaction_of(tag_of(name, 1e9, key), [key], 1e9, 1.0) == name
