"""Amounts as text."""


def euros(amount):
    return f"€ {amount:.2f}"
