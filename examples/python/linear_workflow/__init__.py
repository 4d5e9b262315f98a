"""Four steps of arithmetic in a row: n becomes (n squared + 10) x 3 / 2."""
