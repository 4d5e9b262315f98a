"""Orders to try."""

BOOKS = {"item": "Book", "count": 2}
