"""What CSS hides is hidden; what it only decorates is not."""

import pytest

from detector.content.style import DEFAULT, applied, changes_of, hiding_classes, of_class


def visible(*attributes: str) -> bool:
    style = DEFAULT
    for one in attributes:
        style = applied(changes_of(f"p {one}"), style)
    return style.visible


@pytest.mark.parametrize("attributes", [
    'style="display:none"',
    "style='DISPLAY : none !important'",
    'style="visibility:hidden"',
    'style="mso-hide:all"',
    'style="font-size:0"',
    'style="font-size:0px;line-height:0"',
    'style="font-size: 1px"',
    'style="font-size:.5px"',
    'style="opacity:0"',
    'style="max-height:0px;overflow:hidden"',
    'style="color:#ffffff"',
    'style="color:#FFF"',
    'style="color:rgb(254, 255, 255)"',
    'style="color:#123456;background-color:#123456"',
    'color="white"',
    'bgcolor="#000000"',
    " hidden",
    "style=display:none",
])  # fmt: skip
def test_hidden(attributes: str) -> None:
    assert not visible(attributes)


@pytest.mark.parametrize("attributes", [
    "",
    'href="https://hidden.example/"',
    'style="font-size:10px"',
    'style="font-size:1em"',
    'style="font-size:0.9em"',
    'style="font-size:100%"',
    'style="display:block;visibility:visible;opacity:1;max-height:10px"',
    'style="color:#ffffff;background:#336699"',
    'style="color:white;background:url(x.png)"',
    'style="overflow:hidden"',
    'style="color:unheard-of"',
    'style="background-color:transparent"',
    'class="other"',
])  # fmt: skip
def test_seen(attributes: str) -> None:
    assert visible(attributes)


def test_white_text_is_seen_in_a_dark_cell() -> None:
    assert visible('bgcolor="#003366"', 'style="color:#fff"')


def test_a_size_inside_a_cell_without_size_counts() -> None:
    """So do the usual layouts of newsletters get rid of gaps."""
    assert visible('style="font-size:0"', 'style="font-size:14px"')


def test_nothing_inside_a_hidden_element_is_seen() -> None:
    assert not visible('style="display:none"', 'style="display:block;color:black"')


PAGE = """
<style>.a{color:red} td.gone { display: none } @media (max-width:600px){.wide{display:none}} .b{}</style>
<STYLE>.Box{Font-Size:0 !important}.text{font-size:14px}.</STYLE >
"""


def in_classes(*attributes: str) -> bool:
    style = DEFAULT
    for one in attributes:
        style = applied(of_class(f'p class="{one}"', hiding_classes(PAGE)), style)
    return style.visible


def test_classes_are_hidden_by_simple_rules_but_not_for_small_screens() -> None:
    assert not in_classes("b gone a")
    assert not in_classes("BOX")
    assert in_classes("wide")
    assert in_classes("b a")
    assert in_classes("")


def test_a_size_inside_a_class_without_size_counts() -> None:
    assert in_classes("box", "text")
    assert not in_classes("gone", "text")


def test_a_sheet_that_hides_nothing_has_no_classes_to_ask_for() -> None:
    assert hiding_classes("<style>.a{font-size:12px}</style>") == {}
    assert of_class("p", hiding_classes(PAGE)) == ()
