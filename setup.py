"""Compiles what is listed here with mypyc; all else about the package stands in pyproject.toml.

Nothing has to be compiled: without a C compiler, or on a Python for which mypyc makes no code, the package installs all
the same and is slower. `detector --version` tells which it is.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = [
    # Counts the words of each message: by arrays that takes three times as long, a quarter of what a message costs.
    "detector/content/kernel.py",
    "detector/content/row.py",
    # What goes through texts letter by letter, and through the tags of a page: together a sixth of what reading costs.
    # Other modules gain nothing: they wait for memory, regular expressions and msgspec. A module that defines values of
    # msgspec must not stand here: what their class statements ask for (frozen, gc) would be lost.
    "detector/content/sheet.py",
    "detector/content/tag.py",
    "detector/content/style.py",
    "detector/content/page.py",
    "detector/content/pivots.py",
    "detector/content/links.py",
    "detector/content/text.py",
    "detector/content/mime.py",
    "detector/content/copies.py",
    "detector/content/numbered.py",
    # Goes through each Message-ID letter by letter.
    "detector/mail/program.py",
    # Looks up each message's two dozen keys.
    "detector/traffic/sighted.py",
    # Plain arithmetic on each message, on floats and tuples of them: a tenth of what judging costs. What goes through
    # profiles gains nothing where it counts: in a hop half the time to judge goes by in waiting for memory.
    "detector/traffic/sums.py",
    "detector/traffic/reached.py",
    "detector/verdict/odds.py",
    # What each command and each reply goes through: an eighth of what a message costs that is not judged. Not the
    # sessions: their classes are aiosmtpd's, and compiled subclasses of interpreted ones did not survive a test.
    "detector/relay/body_reader.py",
    "detector/relay/client_wire.py",
    "detector/relay/line_gate.py",
    "detector/relay/next_hop.py",
    "detector/relay/outbox.py",
    "detector/relay/reply_parser.py",
    # Finds a profile in its file: five times as fast, or a thread that asks SQLite would be no dearer.
    "detector/state/pages.py",
]
# Without the project's own settings: its mypy plugins are not there where the package is built by itself.
OPTIONS = ["--config-file=", "--strict", "--follow-imports=silent", "--cache-dir=build/mypy"]
# Whole numbers run over, as in `detector.content.words`; functions of a module may be called directly; and products are
# rounded before they are added, as the interpreter does, or scores would depend on the processor.
FLAGS = ["-fwrapv", "-fno-semantic-interposition", "-ffp-contract=off"] if os.name == "posix" else []


def extensions() -> list[Extension]:
    try:
        from mypyc.build import mypycify
    except ImportError as error:
        sys.stderr.write(f"warning: nothing is compiled: {error}\n")
        return []
    found: list[Extension] = []
    for directory in dict.fromkeys(Path(module).parent for module in COMPILED):  # in one they call each other directly
        modules = [module for module in COMPILED if Path(module).parent == directory]
        name = ".".join([*directory.parts, "compiled"])  # or what they share would lie outside of the package
        found += mypycify([*OPTIONS, *modules], opt_level="3", debug_level="0", group_name=name)
    for extension in found:
        extension.optional = True  # where there is no C compiler
        extension.extra_compile_args += FLAGS
    return found


class Always(build_ext):
    """Compiles anew, or what was compiled would look older than a module that was only touched."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.force = True


setup(ext_modules=extensions(), cmdclass={"build_ext": Always})
