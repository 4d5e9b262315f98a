"""The list of an image's software in CycloneDX 1.6: Debian packages, wheels, crates."""

from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

# What the first part of a package URL says of each kind: https://github.com/package-url/purl-spec.
_PREFIX = {"cargo": "pkg:cargo/", "deb": "pkg:deb/debian/", "pypi": "pkg:pypi/"}
_QUALIFIERS = {"deb": "?arch=amd64&distro=debian-12"}


def bill(repository: str, tag: str, digest: str, layers: list[Json]) -> Json:
    """The document for an image of these layers, whose descriptions say what is in each."""
    found = {package_url(each): each for description in layers for each in description["software"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": f"pkg:oci/{repository.rsplit('/', 1)[-1]}@{quote(digest, safe='')}",
                "name": repository,
                "version": tag,
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": url,
                "name": found[url]["name"],
                "version": found[url]["version"],
                "purl": url,
            }
            for url in sorted(found)
        ],
    }


def package_url(package: dict[str, str]) -> str:
    """The package URL of a package of one of the three kinds."""
    kind, name = package["type"], package["name"]
    if kind == "pypi":
        name = name.lower().replace("_", "-")
    version = quote(package["version"], safe="")
    return f"{_PREFIX[kind]}{quote(name, safe='')}@{version}{_QUALIFIERS.get(kind, '')}"
