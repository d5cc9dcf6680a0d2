import pytest

from detector.records.entries import Exemption, UnknownIncident


def test_an_exemption_ends_at_its_time() -> None:
    exemption = Exemption("ann", 100.0, "olga", "club")
    assert exemption.holds(99.9)
    assert not exemption.holds(100.0)


def test_an_unknown_incident_is_a_key_error_with_a_sentence() -> None:
    with pytest.raises(KeyError) as caught:
        raise UnknownIncident("i9")
    assert str(caught.value) == "there is no incident i9"
