"""Fuzzes by coverage, with atheris: `python -m tests.fuzz.run SECONDS [TARGET ...]`, one target after the other.

Without names all of them. What makes a target fail stands in `TARGET-crash-...` (or `-timeout-...`) in the current
directory: mend it, and keep the octets in `tests/fuzz/corpus/TARGET`. Inputs that reach new code are not kept, unless
`KEEP` in the environment names a directory for them. With the same number in `SEED` the same inputs are drawn.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

import atheris

MACHINE_CODE_ONLY = ["detector.content.kernel"]


class Sources(MetaPathFinder):
    """Finds the sources of what was compiled, too: in machine code atheris sees nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not path or not fullname.startswith("detector.") or fullname in MACHINE_CODE_ONLY:
            return None
        return FileFinder(path[0], (SourceFileLoader, [".py"])).find_spec(fullname)


sys.meta_path.insert(0, Sources())
with atheris.instrument_imports(include=["detector"], exclude=MACHINE_CODE_ONLY):
    from detector import json_lines, log
    from tests.fuzz.targets import CORPUS, TARGETS

LONGEST = 4096  # octets of an input
SLOWEST = 10  # seconds for one input, on a loaded machine


def fuzz(name: str, seconds: str) -> int:
    """In a process of its own, as libFuzzer ends the one in which it runs; 0 if nothing was found."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    nowhere = Path(os.devnull).open("wb")  # noqa: SIM115 - as long as this process lives
    log._logger = json_lines.JsonLines(nowhere, "debug")  # what is logged is written too, and nobody reads it
    found = Path(os.environ.get("KEEP") or tempfile.mkdtemp(prefix="fuzz")) / name
    found.mkdir(parents=True, exist_ok=True)
    options = (f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}", f"-artifact_prefix={name}-")
    seed = f"-seed={os.environ.get('SEED', '0')}"  # 0: others each time
    atheris.Setup([sys.argv[0], *options, seed, str(found), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()
    return 0


def main(seconds: str, names: Sequence[str]) -> int:
    results = {name: fuzz(name, seconds) for name in names or TARGETS}
    for name, result in results.items():
        print(f"{name:12} {f'FOUND SOMETHING ({result})' if result else 'nothing found'}")
    return int(any(results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
