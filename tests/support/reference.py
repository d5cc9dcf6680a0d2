"""Everything in deploy/reference, made from the code: `make pages` writes it, tests/test_reference.py compares it."""

from pathlib import Path

from tests.support import reference_api, reference_cli, reference_configuration, reference_log

FOLDER = Path(__file__).parents[2] / "deploy" / "reference"


def files() -> dict[str, str]:
    """Texts by name."""
    return {
        "api.md": reference_api.page(),
        "cli.md": reference_cli.page(),
        "configuration.md": reference_configuration.page(),
        "log.md": reference_log.page(),
        **reference_api.schemas(),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8")
