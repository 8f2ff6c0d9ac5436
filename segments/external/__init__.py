"""Lists and segments that live elsewhere, followed by segments of ours."""
