"""Text tables that are printed row by row: columns have a fixed width, and nothing waits for the last row."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of text: its title, its width in characters, and whether it is aligned to the right as numbers are."""

    title: str
    width: int
    right: bool = False


class Table:
    """Makes the lines of a table; a cell that is too long moves the rest of its row.

    Args:
        columns: from left to right.
    """

    def __init__(self, *columns: Column) -> None:
        self._columns = columns

    @property
    def header(self) -> str:
        """The line of the titles."""
        return self.row(*(column.title for column in self._columns))

    def row(self, *cells: str) -> str:
        """One line; cells that are left out are empty."""
        aligned = [
            printable(cell).rjust(column.width) if column.right else printable(cell).ljust(column.width)
            for column, cell in zip(self._columns, cells, strict=False)
        ]
        return "  ".join(aligned).rstrip()


def printable(text: str) -> str:
    """``text`` without characters that move a terminal's cursor or change its colours: a file's name may hold them."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def shortened(name: str, width: int) -> str:
    """The end of a name that is longer than ``width`` characters: there photos of one folder differ."""
    return name if len(name) <= width else f"\N{HORIZONTAL ELLIPSIS}{name[1 - width :]}"


def detector_line(detector: str | None) -> str | None:
    """What people are told where YuNet did not find the faces: others miss more of them."""
    return None if detector in (None, "yunet", "given") else f"faces found by the {detector}, not by YuNet"
