"""What commands print: JSON for programs, tables for people."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasker_core.client.lines import json_line, shown

Json = Annotated[bool, typer.Option("--json", help="Print the API's JSON.")]


def console() -> Console:
    """Where people read; it takes nothing for markup."""
    return Console(markup=False, highlight=False, emoji=False)


def say(line: str) -> None:
    """Prints a line as it is."""
    typer.echo(shown(line))


def say_json(value: Any) -> None:
    """Prints a value as a line of JSON, at once."""
    typer.echo(json_line(value))


def say_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table: as wide as the terminal, or, elsewhere, as wide as what is in it."""
    texts = [[shown(str(cell)) for cell in row] for row in rows]
    screen = console()
    if not screen.is_terminal:
        widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
        for line in (heads, *texts):
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            typer.echo("  ".join(cells).rstrip())
        return
    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in texts:
        table.add_row(*(Text(cell) for cell in row))
    screen.print(table)
