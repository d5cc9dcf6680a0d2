"""What is collected about an account, with and without mail."""

import sqlite3

from detector.cli.dossier import standing_of
from detector.mail.transaction import Stream
from detector.records.records import Exemption, Standing
from detector.traffic.counters import Counters
from detector.traffic.features import Tally
from detector.traffic.profile import Profile
from tests.unit.cli.conftest import ANN, Keyboard


def test_an_exemption_that_has_run_out_does_not_hide_the_block() -> None:
    standing = Standing({ANN: "i-1"}, {ANN: Exemption(ANN, 100.0, "olga", "ticket 1")})
    assert standing_of(ANN, standing, Profile(), now=50.0) == "exempt"
    assert standing_of(ANN, standing, Profile(), now=150.0) == "blocked"
    assert standing_of("bob", standing, Profile(), now=150.0) == "free"


def test_a_declaration_neither_hides_a_block_nor_what_is_above_it() -> None:
    declared = Exemption(ANN, None, "olga", "monthly letter", recipients_per_hour=100)
    sent = Profile(counters=Counters().add(Stream.PERSONAL, Tally(recipients=250), now=1e9))
    assert standing_of(ANN, Standing({}, {ANN: declared}), sent, now=1e9) == "above its declaration"
    assert standing_of(ANN, Standing({}, {ANN: declared}), sent, now=1e9 + 86_400.0) == "exempt"
    assert standing_of(ANN, Standing({ANN: "i-1"}, {ANN: declared}), Profile(), now=1e9) == "blocked"


def test_the_age_of_the_figures_is_known(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=2)
    traffic = keyboard.read("accounts", "show", ANN)["traffic"]
    assert abs(traffic["written_at"] - keyboard.now) < 60.0
    assert traffic["new_networks"] == 1
    assert traffic["usual_networks"] == 0
    assert traffic["reputation"]["bounce_share"] is None


def test_an_account_that_was_blocked_and_never_seen_has_a_dossier_without_traffic(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    dossier = keyboard.read("accounts", "show", ANN)
    assert dossier["traffic"] is None
    assert dossier["incident"]["state"] == "open"
    assert "No mail of this account was seen" in keyboard.type("accounts", "show", ANN).output


def test_a_damaged_profile_is_told_by_show_and_does_not_hide_the_others(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=2)
    keyboard.let_send("bob@example.org", recipients=2)
    with sqlite3.connect(keyboard.directory / "state" / "profiles.sqlite") as connection:
        connection.execute("UPDATE rows SET value = x'00' WHERE key = ?", (ANN.encode(),))
    connection.close()
    answer = keyboard.type("accounts", "show", ANN)
    assert answer.status == 1
    assert "damaged" in answer.complaint
    assert len(keyboard.read("accounts", "list")) == 2
