"""What is held on one person: telling it, taking all of it away, and not letting it come back unasked."""
