"""The engine's benchmarks: one run of the suite, or this tree held against another revision of it.

Nothing else should run on the machine meanwhile. The suite starts engine and workers itself.
"""

import argparse
import signal
import sys

from compare import compare
from measure import FILES, Programs, measure

# Fewer pairs have no interval of 95 %.
LEAST_PAIRS = 6


def main() -> int:
    """Runs what the command line says; options of the suite pass through."""
    # As Ctrl-C does it: nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--compare", metavar="REV")
    parser.add_argument("--pairs", type=int, default=10)
    options, arguments = parser.parse_known_args()
    if options.compare is None:
        if set(arguments) & {"-h", "--help"}:
            print(
                "--compare REV [--pairs 10]: builds that revision beside this tree, measures both\n"
                "in turns and prints the ratio of each figure; exit code 1 when one is worse than\n"
                "0.97 of what it was. Without it, a run of the suite:\n",
                flush=True,
            )
        return measure(Programs.below(FILES), arguments)
    if arguments:
        parser.error(f"--compare chooses what is measured: {' '.join(arguments)} has no effect")
    if options.pairs < LEAST_PAIRS:
        parser.error(f"--pairs {options.pairs}: at least {LEAST_PAIRS} make an interval of 95 %")
    return compare(options.compare, options.pairs)


if __name__ == "__main__":
    sys.exit(main())
