"""What `make test` runs, and the servers it needs for that; see __main__ for the order."""
