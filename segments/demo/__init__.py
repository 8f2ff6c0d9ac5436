"""The demo: two made-up shops, what happened in them over the years, and files to try.

`shops` who works where · `people` the customers · `segments` the dozen groups and who belongs to them when ·
`history` the year of coming and going · `files` imports and their reports · `trail` the audit · `samples` files to try.
"""
