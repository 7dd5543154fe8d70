"""The one exception that a user's mistake raises, the hint that mends a misspelt word, and the network's failures."""

import difflib
import socket
from collections.abc import Collection, Iterator
from urllib.error import HTTPError, URLError

#: A connection that failed, as the standard library tells it.
CONNECTION = (ConnectionError, TimeoutError, socket.gaierror, URLError)


class UserError(Exception):
    """A mistake that the user can mend.

    The message is one line: what is wrong, where (file, row, key), and how to mend it. Entry points print it
    without a traceback and exit with code 1.

    Args:
        message: the line.
        setting: the key of params.yaml that the line advises, such as ``data.labels``; not every reader has that file.
    """

    def __init__(self, message: str, setting: str = "") -> None:
        super().__init__(message)
        self.setting = setting


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The end of a message about an unknown ``word``: the closest of ``known``, else all of them."""
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known: {', '.join(known)}" if known else "; remove it"


def connection_failed(error: BaseException, *kinds: type[Exception]) -> bool:
    """Whether an error, or one that led to it, is a failed connection, which may pass: ``CONNECTION`` or ``kinds``.

    A server's answer, such as HTTP's 404, is none.
    """
    # HTTPError is a URLError.
    return any(isinstance(cause, CONNECTION + kinds) and not isinstance(cause, HTTPError) for cause in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
