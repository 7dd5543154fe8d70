"""How much memory a piece of a program needs, in a process of its own."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
def _peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
{before}
_start = _peak()
{work}
print(_peak() - _start)
"""


def peak_growth(before: str, work: str, *arguments: object) -> float:
    """Megabytes by which ``work`` raises the peak that ``before`` reached; both are Python, with ``sys.argv``.

    Not by ``ru_maxrss``, which a process takes over from the one that started it: after other tests that is gigabytes.
    """
    if sys.platform != "linux":
        pytest.skip("the peak is read from /proc")
    program = PROGRAM.format(before=before, work=work)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout) / 1024
