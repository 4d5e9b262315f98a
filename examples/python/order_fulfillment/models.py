"""What the order's steps take and give, as models."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """The amount with two decimals, half a cent rounded up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def _only_text(value: Any) -> Any:
    # A float has lost what a price needs before anybody looks at it.
    if not isinstance(value, str | Decimal):
        raise ValueError("an amount is a string such as '19.99', never a number")
    return value


Money = Annotated[
    Decimal,
    BeforeValidator(_only_text, json_schema_input_type=str),
    Field(ge=0, max_digits=12, decimal_places=2),
    PlainSerializer(lambda amount: str(cents(amount)), return_type=str),
]
"""An amount of money: in JSON a decimal string, with cents."""

Text = Annotated[str, Field(min_length=1)]


class Model(BaseModel):
    """What all of them are: not changed once they are made."""

    model_config = ConfigDict(frozen=True)


class Customer(Model):
    """Who has ordered."""

    id: Text
    email: Text


class Item(Model):
    """How many of which product, and the price of one."""

    sku: Text
    quantity: int
    price: Money


class Payment(Model):
    """How the order is paid."""

    method: Text
    token: Text


class Shipping(Model):
    """Where the order goes, and how fast."""

    address: Text
    method: Literal["standard", "express"]


class Order(Model):
    """The task's context."""

    customer: Customer
    items: Annotated[tuple[Item, ...], Field(min_length=1)]
    payment: Payment
    shipping: Shipping


class OrderLine(Model):
    """An item and what it costs."""

    sku: Text
    quantity: int
    line_total: Money


class ValidatedOrder(Model):
    """What validate_order gives."""

    customer_id: Text
    items: tuple[OrderLine, ...]
    order_total: Money


class Reservation(Model):
    """What reserve_inventory gives."""

    reservation_id: Text
    reserved: dict[str, int]


class PaymentReceipt(Model):
    """What process_payment gives."""

    payment_id: Text
    amount: Money
    fee: Money


class Shipment(Model):
    """What ship_order gives."""

    carrier: Literal["ground", "air"]
    cost: Money
    total_charged: Money
