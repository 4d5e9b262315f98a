"""`tasker workers`: who runs steps for an engine."""

from tasker_core.cli.engine import Token, Url, engine
from tasker_core.cli.output import Json, say, say_json, say_table

HEADS = ("WORKER", "LANGUAGE", "VERSION", "RUNNING", "SLOTS", "SINCE", "NAMESPACES")


def workers(url: Url = None, token: Token = None, json: Json = False) -> None:
    """Lists the workers that are connected to the engine."""
    with engine(url, token) as client:
        connected = client.workers()
    if json:
        say_json({"workers": [worker.raw for worker in connected]})
        return
    if not connected:
        say("no worker is connected")
        return
    rows = (
        (
            worker.worker_id,
            worker.language,
            worker.version,
            worker.running,
            worker.slots,
            worker.connected_since.isoformat(" ", "seconds"),
            ", ".join(worker.namespaces),
        )
        for worker in connected
    )
    say_table(HEADS, rows)
    for worker in connected:
        for reason in worker.not_ready:
            say(f"{worker.worker_id} is not ready: {reason}")
