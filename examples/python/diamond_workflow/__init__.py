"""Two branches between a start and an end: n becomes n to the 16th."""
