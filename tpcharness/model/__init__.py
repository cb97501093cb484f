"""What we talk about: endpoints, links, variants, phases, reasons, results, plans, secrets, and the seams.

Holds values and Protocols only. No I/O, no clock, no event loop, nothing outside the standard library.
Everything else imports this room; it imports nobody. A new word of the field gets its one definition here.
"""
