"""The benches: each measures one thing that the product does, and gives the values that figures are made of."""
