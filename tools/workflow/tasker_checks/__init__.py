"""What a workflow's check is made of.

Its name is nobody else's: handlers are imported into the same process.
"""
