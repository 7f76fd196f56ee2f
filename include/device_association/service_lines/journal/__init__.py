"""Every write of the protocol to the database: that calls begin, and what became of them."""
