"""A module as its source says, beside the machine code that was made of it (`setup.py`)."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def interpreted(module: ModuleType) -> ModuleType:
    """What it imports is what others import."""
    name = f"{module.__name__}_interpreted"
    source = ROOT.joinpath(*module.__name__.split(".")).with_suffix(".py")
    spec = spec_from_loader(name, SourceFileLoader(name, str(source)))
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
