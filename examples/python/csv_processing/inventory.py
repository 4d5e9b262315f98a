"""What there is of products: the sum over some of them, and the sum of such sums."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from csv_processing.products import Product


@dataclass
class Inventory:
    """Counts and values of the products that were added, in the order of their ids."""

    processed: int = 0
    # Prices have cents, and so has nothing at all.
    value: Decimal = Decimal("0.00")
    max_price: Decimal | None = None
    max_price_product: str | None = None
    categories: Counter[str] = field(default_factory=Counter)

    def add(self, product: Product) -> None:
        """Takes a product into account."""
        self.processed += 1
        self.value += product.price * product.stock
        self.categories[product.category] += 1
        self._take_price(product.price, product.title)

    def add_batch(self, results: Mapping[str, Any]) -> None:
        """Takes the results of a batch into account; batches come in the order of their cursors."""
        self.processed += results["processed_count"]
        self.value += Decimal(results["total_inventory_value"])
        self.categories.update(results["category_counts"])
        if results["max_price"] is not None:
            self._take_price(Decimal(results["max_price"]), results["max_price_product"])

    def results(self) -> dict[str, Any]:
        """Value, highest price and categories as a step returns them: decimals are strings."""
        return {
            "total_inventory_value": str(self.value),
            "max_price": None if self.max_price is None else str(self.max_price),
            "max_price_product": self.max_price_product,
            "category_counts": dict(sorted(self.categories.items())),
        }

    def _take_price(self, price: Decimal, title: str) -> None:
        # Of equal prices the first stays, which has the lowest id.
        if self.max_price is None or price > self.max_price:
            self.max_price, self.max_price_product = price, title


def inventory_of(products: Iterable[Product]) -> Inventory:
    """The inventory of these products."""
    inventory = Inventory()
    for product in sorted(products, key=lambda product: product.id):
        inventory.add(product)
    return inventory
