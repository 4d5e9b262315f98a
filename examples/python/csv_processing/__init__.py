"""Takes stock of the products in a CSV file, in batches that run at the same time."""
