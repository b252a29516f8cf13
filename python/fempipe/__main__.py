"""The command line: `fempipe …` or `python -m fempipe …`."""

import sys

from ._fempipe import command


def main() -> int:
    """Run the command line that this program was given; return its exit code."""
    return command(["fempipe", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
