"""What happened to a customer, from all that tell of it, in one list: the latest first, a page at a time."""

from customers.timeline.merging import Happening, Kind, Page, Position, Teller, kinds_of, page_of, read_from, tells

__all__ = ["Happening", "Kind", "Page", "Position", "Teller", "kinds_of", "page_of", "read_from", "tells"]
