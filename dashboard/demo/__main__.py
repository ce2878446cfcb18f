"""`python -m dashboard.demo`: the product with a real store, a real worker and sample jobs."""

import argparse
import sys
from pathlib import Path

from dashboard.demo.runner import Demo, DemoError, alone_in, say

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the demo until it is told to stop; gives the exit code."""
    options = _parser().parse_args()
    folder = options.folder.resolve()
    try:
        with alone_in(folder):
            Demo(folder, ROOT).run(options.port)
    except DemoError as problem:
        say(str(problem))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dashboard.demo", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".demo",
        help="where jobs, the store's data and logs are kept (default: .demo)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, default=8501,
        help="where the dashboard listens, or the next free port (default: 8501)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
