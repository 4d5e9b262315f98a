"""What commands print: JSON for programs, tables for people."""

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasker_core.client.lines import json_line
from tasker_core.serialization import utf8_text

GAP = 2
NARROWEST = 8
"""To where a column may give way, in characters."""

Json = Annotated[bool, typer.Option("--json", help="Print the API's JSON.")]


def console() -> Console:
    """Where people read; it takes nothing for markup.

    Whether it is a terminal does not hang on variables that ask for colours.
    """
    is_terminal = sys.stdout.isatty()
    return Console(markup=False, highlight=False, emoji=False, force_terminal=is_terminal)


def say(line: str) -> None:
    """Prints a line as it is."""
    typer.echo(utf8_text(line))


def say_json(value: Any) -> None:
    """Prints a value as a line of JSON, at once."""
    typer.echo(json_line(value))


def say_table(heads: Sequence[str], rows: Iterable[Sequence[object]], whole: int = 1) -> None:
    """Prints a table: as wide as the terminal, or, elsewhere, as wide as what is in it.

    The first `whole` columns are what other commands take, and neither cut nor wrapped: the others
    give way, or, where that is not enough, the terminal breaks the lines.
    """
    texts = [[utf8_text(str(cell)) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(heads, *texts, strict=True)]
    screen = console()
    least = [*widths[:whole], *(min(width, NARROWEST) for width in widths[whole:])]
    if not screen.is_terminal or sum(least) + GAP * (len(least) - 1) > screen.width:
        for line in (heads, *texts):
            screen.out(_padded(line, widths), highlight=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, (head, width) in enumerate(zip(heads, least, strict=True)):
        table.add_column(head, min_width=width, no_wrap=number < whole, overflow="fold")
    for row in texts:
        table.add_row(*(Text(cell) for cell in row))
    screen.print(table)


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)
    )
    return (" " * GAP).join(cells).rstrip()
