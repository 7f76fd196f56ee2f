"""A small office in which several workers bill SIMs at a vendor that lies, for the property test of the intent protocol.

`vendor` is Rev.io as its contract allows it to be, `acts` is what may happen, `office` lets it happen to the real database
and the real functions, `promises` is what must hold after every step and `machine` is the hypothesis machine.
"""
