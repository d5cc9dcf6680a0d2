"""The bench runs: what it measures is asserted nowhere, for that is the machine's business."""

import json

import pytest
from rich.console import Console

from tests.bench import cluster, hop
from tests.bench.hop import Samples, Scenario, Target, measure, verdicts
from tests.bench.load import Load


@pytest.mark.debian("postfix")
def test_the_bench_measures_us_and_our_peers(capsys: pytest.CaptureFixture[str]) -> None:
    few = Scenario("few", Load(2_000, 20), ("raw", "stock", "judged"), (Target("judged", "stock", 1.0),))
    results = {"few": measure(few, rounds=1, share=1.0)}
    assert [(name, len(one.cpu), len(one.took)) for name, one in results["few"].items()] == [
        ("raw", 1, 20),
        ("stock", 1, 20),
        ("judged", 1, 20),
    ]
    hop.show(Console(), results, 0.0)
    assert "hop, everything on" in capsys.readouterr().out
    assert "hop, everything on" in hop.bars(results)
    assert json.loads(json.dumps(hop.document(results, 0.0)))["scenarios"]["few"].keys() == results["few"].keys()


def test_what_is_missing_reaches_no_target() -> None:
    results = {"5 KB, as people write": {"judged": Samples([0.5]), "rspamd": Samples(missing="not installed: rspamd")}}
    ((what, measured, asked, reached),) = verdicts(results, 0.0)
    assert (measured, asked, reached) == ("nan", "0.20", "-")
    assert "rspamd" in what


@pytest.mark.debian("redis-server")
def test_the_bench_measures_workers_on_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    few = cluster.Size(hosts=1, workers=2, accounts=20, messages=40, connections=6, idle=1)
    for table in cluster.run(few):
        Console().print(table)
    shown = capsys.readouterr().out
    for told in ("workers", "server 3", "detector:profile", "incidents in the records"):
        assert told in shown
