"""Intake: from a delivered file to typed, checked, pseudonymous rows; what is refused is kept and explained.

Reading by content → header mapping → typing and codes → row rules → pseudonyms. Knows files and contracts, no area,
no indicator.
"""
