"""The one exception that a user's mistake raises, and the hint that mends a misspelt word."""

import difflib
from collections.abc import Collection


class UserError(Exception):
    """A mistake that the user can mend.

    The message is one line: what is wrong, where (file, row, key), and how to mend it. Entry points print it
    without a traceback and exit with code 1.
    """


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The end of a message about an unknown ``word``: the closest of ``known``, else all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known: {', '.join(known)}" if known else "; remove it"
