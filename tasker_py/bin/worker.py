"""The worker as a program: `python -m tasker_core.worker`."""

import os
import sys

from tasker_core.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
