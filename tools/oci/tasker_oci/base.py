"""What every image has beside its packages: what their scripts would have made on a machine."""

from tasker_oci.tree import Tree

# Who runs in an image; the number is what orchestrators check for (runAsNonRoot).
USER = 65532
_PASSWD = f"""\
root:x:0:0:root:/root:/usr/sbin/nologin
nonroot:x:{USER}:{USER}:nonroot:/home/nonroot:/usr/sbin/nologin
"""
_GROUP = f"""\
root:x:0:
nonroot:x:{USER}:
"""
_NSSWITCH = """\
passwd: files
group: files
hosts: files dns
"""
_AUTHORITIES = "usr/share/ca-certificates"
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def complete(tree: Tree) -> None:
    """Adds users, name service, certificates, /tmp and the links of the merged /usr."""
    tree.links_of_usr()
    tree.file("etc/passwd", _PASSWD.encode())
    tree.file("etc/group", _GROUP.encode())
    tree.file("etc/nsswitch.conf", _NSSWITCH.encode())
    tree.folder("home/nonroot", mode=0o700, owner=USER)
    tree.folder("tmp", mode=0o1777)
    tree.file(_BUNDLE, authorities(tree))
    tree.drop(_AUTHORITIES)
    # Where OpenSSL looks when nobody says otherwise.
    tree.link("usr/lib/ssl/cert.pem", f"/{_BUNDLE}")


def authorities(tree: Tree) -> bytes:
    """The certificates of all authorities in the order of their names, as one file."""
    found = []
    for path in sorted(tree.entries):
        content = tree.entries[path].content
        if path.startswith(f"{_AUTHORITIES}/") and path.endswith(".crt"):
            assert isinstance(content, bytes)
            found.append(content.rstrip(b"\n") + b"\n")
    return b"".join(found)
