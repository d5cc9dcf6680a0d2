"""The ledger model: three cohorts from timelines, the same octets each time, and nobody's name."""

import gzip
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from detector.models import MODELS, load_prior
from detector.traffic.clock import DAY
from detector.traffic.features import FEATURES
from detector.training.ledger import train, write
from detector.training.prior import LEAST_DAYS

FIRST = 14_000
INDEX = {feature.name: index for index, feature in enumerate(FEATURES)}

Row = tuple[float, str, list[str]]  # time, sender, recipients


def mail(sender: str, days: int, recipients: int) -> list[Row]:
    """One message at noon of each day, always to the same people."""
    people = [f"{sender}-friend{number}" for number in range(recipients)]
    return [((FIRST + day) * DAY + DAY / 2, sender, people) for day in range(days)]


def timeline(path: Path, rows: Iterable[Row]) -> Path:
    with gzip.open(path, "wt", newline="") as file:
        file.write("timestamp_utc_seconds,sender,message_id_or_empty,recipients\n")
        file.writelines(f"{time:.0f},{sender},,{';'.join(people)}\n" for time, sender, people in sorted(rows))
    return path


def silent(_: str) -> None: ...


def test_what_was_trained_can_be_loaded_and_names_nobody(tmp_path: Path) -> None:
    rows = [row for number in range(5) for row in mail(f"customer{number}", 20, number + 1)]
    newcomers = [row for number in range(9) for row in mail(f"newcomer{number}", LEAST_DAYS - 1, 50)]
    paths = [timeline(tmp_path / f"{name}.csv.gz", rows + newcomers) for name in ("house", "office")]
    told: list[str] = []
    write(train(paths, told.append), tmp_path / "models" / "ledger")
    priors, version = load_prior(tmp_path / "models" / "ledger")
    assert version == "ledger 3"
    # Who was seen for a few days does not count.
    assert priors.person.means[INDEX["recipients_10m"]] == pytest.approx(3.0)
    assert priors.person.refusals == ((2.0, 98.0), (10.0, 40.0))
    assert priors.organisation.means > priors.person.means
    assert [one.split()[-1] for one in told[:2]] == ["house", "office"]
    card = tomllib.loads((tmp_path / "models" / "ledger" / "card.toml").read_text("utf-8"))
    assert card["metrics"]["accounts"] == 10  # the same name in two timelines is two people
    assert card["metrics"]["people_taken_for_another_cohort"] == 0
    assert card["metrics"]["office: days"] == 5 * 5  # from the sixteenth on
    assert card["metrics"]["office: bulk"] < 1.0
    assert [one.split(":")[0] for one in card["trained_on"]] == ["house", "office"]
    everything = "".join(file.read_text("utf-8") for file in (tmp_path / "models" / "ledger").iterdir())
    assert not any(word in everything for word in ("customer", "newcomer", "friend", str(tmp_path)))


def test_training_again_in_another_order_gives_the_same_files(tmp_path: Path) -> None:
    paths = [timeline(tmp_path / "a.csv.gz", mail("ann", 20, 2)), timeline(tmp_path / "b.csv.gz", mail("bob", 16, 4))]
    once, again = tmp_path / "once", tmp_path / "again"
    write(train(paths, silent), once)
    write(train(paths[::-1], silent), again)
    assert sorted(file.name for file in once.iterdir()) == ["card.toml", "prior.toml"]
    assert all(file.read_bytes() == (again / file.name).read_bytes() for file in once.iterdir())


def test_a_timeline_of_programs_tells_nothing_of_people(tmp_path: Path) -> None:
    people = timeline(tmp_path / "a.csv.gz", mail("ann", 20, 2))
    robots = timeline(tmp_path / "b_automated.csv.gz", mail("robot", 20, 1))
    alone, together = train([people], silent), train([people, robots], silent)
    assert together.content.cohorts["person"] == alone.content.cohorts["person"]
    assert together.metrics["programs"] == 1
    assert together.metrics["spread_of_programs"] < alone.metrics["spread_of_programs"]
    assert together.content.cohorts["application"] != alone.content.cohorts["application"]


def test_the_shipped_files_are_what_the_real_timelines_give(corpora: Path, tmp_path: Path) -> None:
    names = ("email_eu_core_first150d", "enron_perry", "imagej_automated")
    write(train([corpora / "timelines" / f"{name}.csv.gz" for name in names], silent), tmp_path)
    for name in ("prior.toml", "card.toml"):
        assert (tmp_path / name).read_bytes() == (MODELS / "ledger" / name).read_bytes()
