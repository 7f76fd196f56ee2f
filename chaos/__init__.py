"""Chaos: bulk changes asked for in every way while everything breaks, and a checker that believes nobody.

`schedule` makes a run out of a seed; `cast` says what others have at the vendor from the start; `generator` asks,
`nemesis` breaks and lets people work at the vendor, `history` keeps what was asked and answered; `books` reads the
database, the queue and the vendor's journal; `checks` compare them and import nothing of the product.
"""
