"""Strict stand-ins for the outside services, on this machine: for tests, the demo, and trying things by hand.

`crowd` accounts, groups and their members · `limits` calls a second and a minute · `faults` and `tampering` what may go
wrong · `base` what both have in common · `control` the same over HTTP · `klaviyo`, with `cursors`, `filters`,
`parameters` and `documents` · `shopify`, with `graphql` · `people` the demo's accounts. The server itself, and what may
go wrong with any service, stand in `portal.sandbox`.
"""
