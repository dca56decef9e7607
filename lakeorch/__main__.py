"""`python -m lakeorch`: the same as the `lakeorch` command."""

import sys

from lakeorch.cli import main

if __name__ == "__main__":
    sys.exit(main())
