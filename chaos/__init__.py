"""Chaos: bulk changes asked for in every way while everything breaks, and a checker that believes nobody.

`plan` makes a run out of a seed; `scene` is the stack, with what others have at the vendor from the start; of the
`actors`, the generator asks, and the nemesis breaks and lets people work at the vendor; `records` keep what was asked and
answered; `books` reads the database, the queue and the vendor's journal; `checks` compare them and import nothing of the
product.
"""
