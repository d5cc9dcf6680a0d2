"""The shelf: what is used stays, whether it is packed or not, and there is never more than may be."""

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from detector.state.shelf import Shelf
from detector.state.write_behind import Form

NUMBERS: Form[int] = Form(lambda value: str(value).encode(), int)
KEYS = st.sampled_from("abcdefgh")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(1, 9)),
        st.tuples(st.just("get"), KEYS),
        st.tuples(st.just("remove"), KEYS),
    )
)


@given(steps, st.integers(1, 6), st.integers(1, 4))
def test_it_is_a_memory_of_the_last_used_however_much_of_it_is_packed(
    taken: list[tuple[str, ...]], most: int, at_hand: int
) -> None:
    shelf, model = Shelf(NUMBERS, most, at_hand), OrderedDict[str, object]()
    for verb, key, *value in taken:
        if verb == "put":
            shelf.put(key, value[0])  # type: ignore[arg-type]
            model[key] = value[0]
            model.move_to_end(key)
            while len(model) > most:
                model.popitem(last=False)
        elif verb == "get":
            assert shelf.get(key) == model.get(key)
            if key in model:
                model.move_to_end(key)
        else:
            shelf.remove(key)
            model.pop(key, None)
        assert len(shelf) == len(model)


def test_what_is_at_hand_is_the_very_object_and_the_rest_is_packed() -> None:
    packed: list[int] = []

    def pack(value: list[int]) -> bytes:
        packed.extend(value)
        return bytes(value)

    shelf, first, second = Shelf(Form(pack, list), most=3, at_hand=1), [1], [2]
    shelf.put("a", first)
    assert shelf.get("a") is first
    shelf.put("b", second)
    assert packed == [1]
    assert shelf.get("a") == [1]
    assert packed == [1, 2]
    assert shelf.get("b") == second
