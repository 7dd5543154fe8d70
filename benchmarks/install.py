"""What an installation weighs and how fast it starts: ``python benchmarks/install.py`` (downloads, some minutes).

For the base and for the extra ``serving``, each in a fresh environment: megabytes of the files below site-packages
(without pip and setuptools, which every environment has), of them Python's bytecode, the largest packages, and the
shortest of five starts in seconds.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = ("", "[serving]")
#: What every environment has.
TOOLS = re.compile(r"^(pip|setuptools|pkg_resources|_distutils_hack|distutils-precedence)")
LARGEST = 8
ROUNDS = 5
STARTS = {
    "python -c pass": ["-c", "pass"],
    "import fer": ["-c", "import fer"],
    "from fer import Reader": ["-c", "from fer import Reader"],
    "Reader()": ["-c", "from fer import Reader; Reader(detector='cascade')"],
    "fer --help": ["-c", "from fer.cli import main; main()", "--help"],
}


def install(folder: Path, extra: str) -> Path:
    """The Python of a fresh environment with this package in it."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{ROOT}{extra}"], check=True, stderr=subprocess.DEVNULL)
    return python


def sizes(folder: Path) -> tuple[dict[str, float], float]:
    """Megabytes by top name below site-packages, and those of all bytecode."""
    (site,) = folder.glob("lib/python3*/site-packages")
    found: dict[str, float] = {}
    bytecode = 0.0
    for path in site.rglob("*"):
        name = path.relative_to(site).parts[0]
        if path.is_file() and not path.is_symlink() and not TOOLS.match(name):
            size = path.stat().st_size / 1e6
            found[name] = found.get(name, 0.0) + size
            bytecode += size if path.suffix == ".pyc" else 0.0
    return found, bytecode


def seconds(python: Path, arguments: list[str]) -> float:
    """The shortest of some starts, without the first, which compiles."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        subprocess.run([python, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=python.parent)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        for extra in EXTRAS:
            folder = Path(temporary) / (extra.strip("[]") or "base")
            python = install(folder, extra)
            found, bytecode = sizes(folder)
            print(f"fer-pipeline{extra}: {sum(found.values()):.0f} MB, of them bytecode {bytecode:.0f} MB")
            for name, size in sorted(found.items(), key=lambda item: -item[1])[:LARGEST]:
                print(f"  {size:6.1f} MB  {name}")
            if not extra:
                for name, arguments in STARTS.items():
                    print(f"  {seconds(python, arguments):6.2f} s   {name}")


if __name__ == "__main__":
    main()
