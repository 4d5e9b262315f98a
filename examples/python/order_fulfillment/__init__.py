"""An order from its check to its shipment, with handlers over pydantic models."""
