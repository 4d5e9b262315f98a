"""For whoever has the lowest versions at hand, or a network: a loop without leaves these tests out.

cd tasker_py; PYPROJECT=pyproject.toml LOWEST_LOCK=lowest_lock.txt PYTHONPATH=. pytest tests/lowest
"""

import os

collect_ignore_glob = [] if "LOWEST_LOCK" in os.environ else ["*_test.py"]
