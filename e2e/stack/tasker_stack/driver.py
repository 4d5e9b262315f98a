"""What a driver is: it runs the compose file's services, by whatever means."""

from typing import Protocol

from tasker_stack.service import Service


class Driver(Protocol):
    """Runs services in their order, and stops them in the opposite one."""

    def find(self, name: str) -> Service | None:
        """The service, or a further instance of it: `python-worker-2` to `-9`."""

    def start(self) -> dict[str, float]:
        """Start each service when those it depends on are healthy; the seconds that each took."""

    def stop(self) -> list[str]:
        """Stop all, the last one first; what did not end as it should."""

    def host_of_test(self) -> str:
        """The address of this machine at which started services reach the test program."""
