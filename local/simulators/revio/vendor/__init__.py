"""What Rev.io does with a call that was let in: lists, creations and disconnections in the shapes of the contract."""
