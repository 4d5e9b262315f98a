"""Adds up numbers in batches, as many as the context asks for: a workflow of any size."""
