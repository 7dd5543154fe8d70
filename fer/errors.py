"""The one exception that a user's mistake raises."""


class UserError(Exception):
    """A mistake that the user can mend.

    The message is one line: what is wrong, where (file, row, key), and how to mend it. Entry points print it
    without a traceback and exit with code 1.
    """
