"""What changes stores and the people in them. Each action is one transaction: check, write, audit."""


class Refusal(Exception):
    """The action was not done; the message tells the person why, and what to do instead."""
