"""The association of devices with a customer, its revert, and customer rate plans of a later date."""
