"""What a container engine has of Compose projects, found by their label and removed."""

from tasker_stack.docker import Docker

LABEL = "com.docker.compose.project"


def projects(docker: Docker) -> set[str]:
    """The names of all projects that the engine has a container, network or volume of."""
    form = f'{{{{.Label "{LABEL}"}}}}'
    found: set[str] = set()
    for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        listed = docker.run(*kind, "--filter", f"label={LABEL}", "--format", form)
        found.update(listed.split())
    return found


def remove(docker: Docker, project: str) -> None:
    """Remove the project's containers, networks and volumes; those that run are killed."""
    of_project = ("--quiet", "--filter", f"label={LABEL}={project}")
    # Not by Compose: its older versions know a project by its files alone, which may be gone.
    if containers := docker.run("ps", "--all", *of_project).split():
        docker.run("rm", "--force", "--volumes", *containers)
    if networks := docker.run("network", "ls", *of_project).split():
        docker.run("network", "rm", *networks)
    if volumes := docker.run("volume", "ls", *of_project).split():
        docker.run("volume", "rm", "--force", *volumes)
