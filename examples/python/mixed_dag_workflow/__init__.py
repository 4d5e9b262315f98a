"""Steps with one, two and three parents: n becomes n to the 64th."""
