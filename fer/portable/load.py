"""How busy the accelerator is, by its maker's own tool."""

import shutil
import subprocess

#: What NVIDIA's tool says every second: the share of the last second in which a kernel ran, in percent.
ASKED = ("nvidia-smi", "--id=0", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop=1")


class Load:
    """Asks from the beginning to ``stop``; says nothing where there is no such tool."""

    def __init__(self) -> None:
        tool = shutil.which(ASKED[0])
        self._process = (
            subprocess.Popen([tool, *ASKED[1:]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            if tool
            else None
        )

    def stop(self) -> float | None:
        """The mean share of the time in which a kernel ran, 0 to 1, of the first card; None where nobody said."""
        if self._process is None:
            return None
        self._process.terminate()
        said, _ = self._process.communicate()
        values = [int(line) for line in said.split("\n") if line.strip().isdigit()]
        return sum(values) / len(values) / 100 if values else None
