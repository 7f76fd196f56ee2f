"""What the product is compared with: the old way, device by device, and a client that does nothing but call."""
