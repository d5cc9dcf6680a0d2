"""How large everything is that the server keeps, and how much room is left for it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from detector.cli.doctor_part import Fact, Part
from detector.cli.finding import Finding, hint, problem
from detector.config import Config
from detector.ports import Temporary
from detector.state.table import stored_count

COUNTED = ("profiles", "joins", "handed_over", "heard", "campaigns", "followed")
"""Stores whose rows are counted."""

JOURNALS = ("-wal", "-shm")
LITTLE = 0.1
"""The share of a disk from which on we speak of it: time to make room before anything fails."""


def examine_stores(config: Config) -> Part:
    """Everything in the state directory by its name, and the directories that lie elsewhere."""
    state = config.state.directory
    facts: dict[str, Fact] = {}
    findings: list[Finding] = []
    try:
        for path in sorted([*state.iterdir(), *_elsewhere(config)]):
            facts |= _size_of(path)
    except OSError as error:
        return Part("stores", facts, [problem("state.directory", f"{state} cannot be read: {error.strerror}")])
    for name in COUNTED:
        try:
            facts[f"{name} rows"] = stored_count(state / f"{name}.sqlite")
        except Temporary as error:
            findings.append(problem(name, f"{error}: is the disk full, or does the file belong to somebody else?"))
    damaged = sorted(path.name for path in state.glob("*.corrupt-*") if not path.name.endswith(JOURNALS))
    if damaged:
        text = f"{', '.join(damaged)}: a damaged file was set aside; look for a failing disk, then remove it"
        findings.append(hint("state.directory", text))
    return Part("stores", facts, findings)


def examine_disks(config: Config) -> Part:
    """Free room where something grows; directories on one disk are told once."""
    facts: dict[str, Fact] = {}
    findings: list[Finding] = []
    seen: set[int] = set()
    wanted = {
        "state.directory": config.state.directory,
        "hold.directory": config.hold_directory,
        "relay.spool_directory": config.spool_directory,
    }
    for name, wished in wanted.items():
        path = next(path for path in (wished, *wished.parents) if path.exists())
        device = path.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        usage, inodes = shutil.disk_usage(path), os.statvfs(path)
        facts |= {f"{name}_free_bytes": usage.free, f"{name}_total_bytes": usage.total}
        findings += _room(name, usage.free / usage.total, usage.free, config.hold.free_bytes)
        if inodes.f_files and inodes.f_favail < LITTLE * inodes.f_files:
            findings.append(hint(name, "the disk has few inodes left: remove files, large or small"))
    return Part("disks", facts, findings)


def _room(name: str, share: float, free: int, needed: int) -> Iterator[Finding]:
    if free < needed:
        text = "less than hold.free_bytes is free: doubtful mail is answered 452. Make room"
        yield problem(name, text)
    elif share < LITTLE:
        yield hint(name, f"only {share:.0%} of the disk is free: make room before mail has to wait")


def _elsewhere(config: Config) -> Iterator[Path]:
    for path in (config.hold_directory, config.spool_directory):
        if path.parent != config.state.directory and path.is_dir():
            yield path


def _size_of(path: Path) -> dict[str, Fact]:
    if path.is_symlink() or path.name.endswith(JOURNALS):
        return {}
    if path.is_dir():
        files = [one for one in path.rglob("*") if one.is_file()]
        return {f"{path.name}_bytes": sum(map(_octets, files)), f"{path.name} files": len(files)}
    with_journal = [path, *(path.with_name(path.name + ending) for ending in JOURNALS)]
    return {f"{path.name}_bytes": sum(map(_octets, with_journal))}


def _octets(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # gone meanwhile
        return 0
