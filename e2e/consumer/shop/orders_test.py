"""The workflow on a virtual clock."""

import os
from pathlib import Path

from examples.orders import BOOKS
from orders import charge, price

from tasker_core.errors import RetryableError
from tasker_core.testing import WorkflowTest

TEMPLATE = Path(os.environ["TASKER_TEMPLATE_PATH"]) / "order.yaml"


def test_a_till_that_is_closed_is_tried_again():
    test = WorkflowTest(TEMPLATE, {"price": price, "charge": charge})
    test.fail_attempt("charge", 1, error=RetryableError("the till is closed"))
    result = test.run(BOOKS)
    assert (result.status, result["charge"].attempts) == ("complete", 2)
    assert result["charge"].results["text"] == "€ 40.00"
