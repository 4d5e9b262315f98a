"""The place of a failure is the innermost line of the user's own code."""

import traceback
from pathlib import Path

import pytest

from tasker_core.failure_place import failure_place

HANDLER = "/srv/shop/handlers/orders.py"
LIBRARY = "/srv/shop/.venv/lib/python3.11/site-packages/httpx/_client.py"
OURS = "/srv/shop/.venv/lib/python3.11/site-packages/tasker_core/step_handler/typed.py"


def written(*frames: tuple[str, int]) -> str:
    lines = [f'  File "{file}", line {line}, in call\n    code()\n' for file, line in frames]
    return "Traceback (most recent call last):\n" + "".join(lines) + "KeyError: 'amuont'\n"


@pytest.mark.parametrize(
    ("backtrace", "place"),
    [
        (written((HANDLER, 12)), f"{HANDLER}:12"),
        (written((HANDLER, 12), (LIBRARY, 900)), f"{HANDLER}:12"),
        (
            written((HANDLER, 12), ("/srv/shop/handlers/prices.py", 3)),
            "/srv/shop/handlers/prices.py:3",
        ),
        (written((OURS, 7), (HANDLER, 12), ("<string>", 1)), f"{HANDLER}:12"),
        # A handler that is an installed package itself.
        (written((OURS, 7), (LIBRARY, 30), (LIBRARY, 900)), f"{LIBRARY}:30"),
        (written((OURS, 7)), f"{OURS}:7"),
        # The last of a chain is the one that was raised.
        (
            written(("/srv/a.py", 1))
            + "\nThe above exception was the direct cause of the following exception:\n\n"
            + written((HANDLER, 12)),
            f"{HANDLER}:12",
        ),
        ("", None),
        (None, None),
        ("at handler (orders.js:12:3)", None),
    ],
)
def test_where_it_failed(backtrace: str | None, place: str | None) -> None:
    assert failure_place(backtrace) == place


def test_a_file_below_the_current_folder_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "handlers" / "orders.py"
    assert failure_place(written((str(file), 12))) == "handlers/orders.py:12"


def test_a_group_of_exceptions_has_a_place() -> None:
    code = compile("\n\nraise ExceptionGroup('both', [ValueError('one')])", HANDLER, "exec")
    with pytest.raises(ExceptionGroup) as raised:
        exec(code)
    text = "".join(traceback.format_exception(raised.value.with_traceback(raised.tb.tb_next)))
    assert failure_place(text) == f"{HANDLER}:3"
