"""A tree of two branches with two leaves each, joined at the end: n becomes n to the 64th."""
