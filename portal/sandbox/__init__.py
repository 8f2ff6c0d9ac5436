"""What every stand-in for an outside service is built of: a server on loopback, and what may go wrong with it."""
