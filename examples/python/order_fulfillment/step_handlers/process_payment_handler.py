"""Takes the payment."""

from decimal import Decimal

from order_fulfillment.models import (
    Order,
    PaymentReceipt,
    Reservation,
    ValidatedOrder,
    cents,
)
from tasker_core.errors import PermanentError, RetryableError
from tasker_core.step_handler import TypedStepHandler
from tasker_core.types import Step

FEE = Decimal("0.029")


class ProcessPaymentHandler(TypedStepHandler[Order, PaymentReceipt]):
    """The payment is named after the step's idempotency key.

    So an attempt that is made again charges nobody twice. Nothing is charged before it is reserved.
    """

    def run(
        self,
        context: Order,
        step: Step,
        validate_order: ValidatedOrder,
        reserve_inventory: Reservation,
    ) -> PaymentReceipt:
        """Fails for good with PAYMENT_DECLINED, and with PAYMENT_TIMEOUT to be tried again."""
        if context.payment.token == "tok_declined":
            raise PermanentError("the payment was declined", error_code="PAYMENT_DECLINED")
        if context.payment.token == "tok_timeout":
            raise RetryableError("the payment service took too long", error_code="PAYMENT_TIMEOUT")
        amount = validate_order.order_total
        return PaymentReceipt(
            payment_id=f"PAY-{step.idempotency_key}", amount=amount, fee=cents(amount * FEE)
        )
