"""What a person searches for, as patterns of LIKE in which nothing of the text is special; the statements escape with '!'."""

from __future__ import annotations


def beginning_with(text: str | None) -> str | None:
    """Return the pattern of what begins with a text; None for no text."""
    return f"{_literal(text)}%" if text else None


def containing(text: str | None) -> str | None:
    """Return the pattern, in capitals, of what has a text somewhere in it; None for no text."""
    return f"%{_literal(text.upper())}%" if text else None


def _literal(text: str) -> str:
    return "".join(f"!{one}" if one in "!%_[" else one for one in text)
