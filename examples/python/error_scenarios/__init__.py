"""One workflow for each way in which a step may fail."""
