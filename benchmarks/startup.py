"""The time until `lakeorch --help` has answered, beside that of importing the library it is made with.

python benchmarks/startup.py            # --quick takes fewer turns
"""

from __future__ import annotations

import argparse
import sys

from measure import about, beside, lakeorch, medians, run, told

LIMIT = 1.5


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    quick = parser.parse_args().quick
    about()
    acts = {"help": lakeorch("--help"), "click": lambda: run(sys.executable, "-c", "import click")}
    took = medians(acts, 5 if quick else 25)
    told("lakeorch --help", took["help"], LIMIT * took["click"].wall, "ms")
    beside("python -c 'import click'", {"python": took["click"]}, took["help"])


if __name__ == "__main__":
    main()
