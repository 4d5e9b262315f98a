"""The products that there are, and how many of each."""

STOCK = {"WIDGET-A": 100, "WIDGET-B": 50, "GADGET-C": 200}
