"""What a run plays on: the stack as everybody here reaches it, the portal's client, and what others have at the vendor."""
